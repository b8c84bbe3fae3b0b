"""Texts of failures as people have reported them: the line that says why is shown, and has a fix."""

from __future__ import annotations

import pytest

from tasks.report.reasons import KNOWN, fix, telling

STACK = """\
*** StackTrace Information ***
    ray::SpdLogMessage::Flush()
    ray::RayLog::~RayLog()
    ray::rpc::GrpcServer::Run()
    std::_Function_handler<>::_M_invoke()
    boost::asio::detail::scheduler::do_run_one()
    main
    __libc_start_main
/lib/python3.11/site-packages/ray/_raylet.so(+0x1419d1a) [0x154b5b055d1a] ray::operator<<()
    @        0x109cae112  google::LogMessage::~LogMessage()
    [state-dump] NodeManager.GCTaskFailureReason - 1 total (1 active), Execution time: mean = 0.000 s
    ray::rpc.GcsSubscriber - 1 total, Execution time: mean = 0.02ms, Queueing time: mean = 0.02ms
[2026-11-27 01:00:00,000 I 7 7] (raylet) node_manager.cc:610: New job has started. Job id 02000000
[2026-11-27 01:00:00,000 W 7 7] (raylet) node_manager.cc:157: Last heartbeat was sent 6901 ms ago."""

# name: what stood in the logs, the line that says why, a word of the fix
REPORTED = {
    "port in use": (
        "[2022-03-01 08:46:25,453 C 28711 28711] grpc_server.cc:93:  Check failed: server_ Failed to start the grpc "
        "server. The specified port is 8076. This means that Ray's core components will not be able to function.",
        "ray.ports",
    ),
    "port in use, of gRPC": (
        'E0215 01:53:44.582325479    2825 server_chttp2.cc:40]        {"created":"@1613354024.582257191","description":'
        '"No address added out of total 1 resolved","os_error":"Address already in use"}',
        "ray.ports",
    ),
    "another version of Python": (
        "RuntimeError: Version mismatch: The cluster was started with:",
        "the same full Python",
    ),
    "GCS cannot be reached": (
        "[2025-07-23 10:06:19,681 W 51000 51000] gcs_client.cc:183: Failed to get cluster ID from GCS server: "
        "Timed out while waiting for GCS to become available.",
        "fab check",
    ),
    "GCS cannot be reached, of Python": (
        "2023-07-05 21:46:54,656     WARNING utils.py:1401 -- Unable to connect to GCS (ray head) at 172.17.0.2:6379.",
        "fab check",
    ),
    "marked as dead": (
        "[2025-06-23 01:00:00,000 C 89 89] (raylet) node_manager.cc:1: [Timeout] Exiting because this node manager has "
        "mistakenly been marked as dead by the GCS: GCS failed to check the health of this node for 5 times.",
        "cannot reach this node",
    ),
    "no space": ("OSError: [Errno 28] No space left on device: '/tmp/ray/session_2026'", "the disk is full"),
    "shared memory": (
        "ValueError: The configured object store size (11.81114368 GB) exceeds /dev/shm size (11.8111232 GB).",
        "/dev/shm is too small",
    ),
    "another user's folder": (
        "PermissionError: [Errno 13] Permission denied: '/tmp/ray/session_latest'",
        "remove /tmp/ray",
    ),
    "open files": (
        "F0904 14:25:50.808766  6518 319638976 worker_pool.cc:364] Failed to start worker with return value system:24: "
        "Too many open files",
        "nofile",
    ),
    "threads": (
        "E0326 09:34:50.573117857 1801211 thd.cc:157]       pthread_create failed: Resource temporarily unavailable",
        "nproc",
    ),
    "threads, of boost": (
        "[2025-06-27 19:28:31,558 E 927366 929116] logging.cc:112: Unhandled exception: N5boost10wrapexcept. what(): "
        "thread: Resource temporarily unavailable [system:11]",
        "nproc",
    ),
    "protobuf": ("TypeError: Descriptors cannot not be created directly.", "protobuf"),
    "grpcio": (
        "[2023-06-09 01:52:53,319 E 9906 9971] (raylet) agent_manager.cc:135: The raylet exited immediately because "
        "the Ray agent failed. The raylet fate shares with the agent.",
        "--component agent",
    ),
    "memory": (
        "(raylet) node_manager.cc:3084: 4 Workers (tasks / actors) killed due to memory pressure (OOM), 0 Workers",
        "memory",
    ),
    "Redis": (
        "redis.exceptions.AuthenticationError: WRONGPASS invalid username-password pair",
        "token or password",
    ),
    "a flag": ("Error: No such option: --no-such-flag", "no such flag"),
    "C library": ("ImportError: /lib64/libc.so.6: version `GLIBC_2.28' not found", "C library"),
}


@pytest.mark.parametrize(("line", "way"), REPORTED.values(), ids=REPORTED)
@pytest.mark.parametrize("above", [True, False])
def test_the_line_that_says_why_is_shown_with_its_fix(line, way, above):
    noise = STACK.splitlines()
    lines = [*(["Local node IP: 10.0.0.2"] * 3), line, *noise] if above else [*noise, line]
    found = telling({"start.log": lines, "raylet.out": noise})
    assert line in found
    assert not [
        text
        for text in found
        if "ray::" in text or "state-dump" in text or "Queueing" in text or "0x" in text
    ]
    assert way in fix(found)


def test_no_line_is_shown_twice_and_their_order_is_kept():
    found = telling({"a": ["one", "two", "one"], "b": ["three", "two"]})
    assert found == ("one", "two", "three")


def test_the_reason_in_the_node_table_has_a_fix_too():
    reason = "health check failed due to missing too many heartbeats"
    assert "cannot reach this node" in fix((), reason)


def test_nothing_known_has_no_fix_of_its_own():
    assert fix(("some line",)) == ""
    assert telling({}) == ()


def test_every_fix_says_something():
    assert all(len(way) > 20 for _, way in KNOWN)


def test_a_process_that_ended_is_said_and_not_the_dump_of_its_state():
    """As Ray 2.60 wrote it after a SIGKILL of its raylet."""
    log = [
        "2026-11-27 21:21:27,021	ERROR scripts.py:100 -- Some Ray subprocesses exited unexpectedly:",
        "  raylet [exit code=-9 (signal 9)]",
        "[2026-11-27 21:21:20,1 I 1 1] (raylet) node_manager.cc:1: Some state",
        *[f"[state-dump] x.y.z - {n} total, Queueing time: mean = 0.00ms" for n in range(300)],
        "2026-11-27 21:21:27,026	ERR scripts.py:1315 -- Remaining processes will be killed.",
    ]
    assert telling({"start": log}, 1) == (log[1],)
