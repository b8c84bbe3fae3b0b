"""Description + facts -> the exact script for a host. Pure: no network, no clock, no environment."""
