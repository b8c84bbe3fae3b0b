"""Real hosts on one Linux machine: each with systemd as PID 1, sshd, apt, its own Docker Engine and address."""
