# Nothing is asked: the runtime uv is not deployed on Windows yet.
function UvFacts { }
