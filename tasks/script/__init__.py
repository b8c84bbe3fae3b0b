"""One script for a host and its answer: quoting, fragments, marked lines, POSIX sh and PowerShell."""
