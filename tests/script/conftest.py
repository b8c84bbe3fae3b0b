from tests.guard import no_real_cluster_of_that_name  # noqa: F401
from tests.script.own_fragments import own_fragments  # noqa: F401
