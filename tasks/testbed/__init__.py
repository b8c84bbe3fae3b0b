"""Real hosts on one Linux machine: systemd as PID 1, sshd, apt, own Docker Engine and own address."""
