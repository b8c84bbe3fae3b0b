"""The tasks as the command line sees them; made once, since invoke gives each flag's help away only once."""

from fabfile import ns

CONTEXTS = {context.name: context for context in ns.to_contexts()}
