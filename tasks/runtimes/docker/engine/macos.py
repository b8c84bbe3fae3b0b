"""Docker's problems on a Mac, where this tool neither installs nor starts it."""

from __future__ import annotations

from tasks.node.facts import Facts
from tasks.runtimes.docker.facts import docker_of

INSTALL = "https://docs.docker.com/desktop/setup/install/mac-install/"
STARTS = {
    "Docker": "open -a Docker, as the user who is logged in at that Mac; its settings can start it at login",
    "OrbStack": "open -a OrbStack, as the user who is logged in at that Mac",
    "colima": "colima start",
}


def docker_problem(facts: Facts) -> tuple[str, str]:
    """The problem that a Mac has with Docker, and its fix."""
    docker = docker_of(facts)
    start = STARTS.get(docker.app, STARTS["Docker"])
    if docker.problem == "missing" and docker.app:
        return f"{docker.app} is installed, but has no docker command yet", start
    if docker.problem == "missing":
        return "Docker is not installed", f"install Docker Desktop and start it once: {INSTALL}"
    if docker.problem == "podman":
        return "the docker command here is Podman's", f"install Docker Desktop: {INSTALL}"
    if docker.problem == "denied":
        return f"{facts.user} is not allowed to use Docker's engine", "log in as the user who started it"
    return f"Docker's engine is not running: {docker.says}", start
