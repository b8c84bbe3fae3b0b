from tests.guard import no_real_cluster_of_that_name  # noqa: F401
