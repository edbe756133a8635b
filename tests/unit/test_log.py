"""Log lines: their form, their context, their destinations."""

import logging
import os
import re
import syslog
import threading
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from masterd import log
from masterd.cli import Syslog
from masterd.log import FileHandler, LineFormatter, LogSetup, SyslogHandler

_logger = logging.getLogger("masterd.test")


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[LogSetup]:
    before = logging.getLogger().level
    made = LogSetup("ganeti-masterd", tmp_path / "log")
    yield made
    made.close()
    logging.getLogger().setLevel(before)


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("x", level, "here.py", 12, text, None, None)


def test_a_line_names_time_program_process_and_level(setup: LogSetup, tmp_path: Path) -> None:
    _logger.info("hello %s", "world")
    _logger.debug("not without the debug option")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: ganeti-masterd pid=\d+ INFO hello world\n",
        (tmp_path / "log").read_text(),
    )


def test_lines_of_a_job_carry_job_and_opcode(setup: LogSetup, tmp_path: Path) -> None:
    with log.job_context(17):
        _logger.info("picked")
        with log.job_context(17, 0):
            _logger.info("runs")
        _logger.info("ends")
    _logger.info("after")
    lines = [line.split(" ", 4)[4] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == [
        "job=17 INFO picked",
        "job=17 op=0 INFO runs",
        "job=17 INFO ends",
        "INFO after",
    ]


def test_greenlets_and_threads_do_not_share_the_context() -> None:
    seen: list[str] = []

    def work(job_id: int) -> None:
        with log.job_context(job_id, 0):
            gevent.idle()
            seen.append(log.context_text())

    with log.job_context(1):
        gevent.joinall([gevent.spawn(work, 2), gevent.spawn(work, 3)], raise_error=True)
        thread = threading.Thread(target=lambda: seen.append(log.context_text()))
        thread.start()
        thread.join()
        assert log.context_text() == " job=1"
    assert sorted(seen) == ["", " job=2 op=0", " job=3 op=0"]


def test_debug_lines_name_module_and_line() -> None:
    text = LineFormatter("p", debug=True).format(record("x", logging.DEBUG))
    assert text.endswith(" here:12 DEBUG x")


def test_reopening_follows_a_rotated_log(setup: LogSetup, tmp_path: Path) -> None:
    _logger.info("one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    _logger.info("two")
    setup.reopen()
    _logger.info("three")
    assert (tmp_path / "log.1").read_text().count("\n") == 2
    assert (tmp_path / "log").read_text().endswith("INFO three\n")


def test_long_texts_of_others_are_cut_in_the_middle(setup: LogSetup, tmp_path: Path) -> None:
    value = "begin" + 5_000 * "x" + "end"
    try:
        raise ValueError(value)
    except ValueError:
        _logger.exception("a request failed: %s", value)
    _logger.info("%s", "\n".join(map(str, range(1000))))
    lines = (tmp_path / "log").read_text().splitlines()
    assert max(map(len, lines)) < 2100
    assert len(lines) < 220
    assert "begin" in lines[0]
    assert lines[0].endswith("end")
    assert "characters left out" in lines[0]
    assert lines[-1] == "999"


def test_a_log_that_cannot_be_reopened_stays_open(setup: LogSetup, tmp_path: Path) -> None:
    (tmp_path / "log").rename(tmp_path / "log.1")
    (tmp_path / "log").mkdir()
    setup.reopen()
    assert "Cannot reopen the log file" in (tmp_path / "log.1").read_text()


def test_the_log_file_is_private(setup: LogSetup, tmp_path: Path) -> None:
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_lines_lost_on_a_full_disk_are_counted_and_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    handler = FileHandler(path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, handler.descriptor)
    os.close(full)
    handler.setFormatter(LineFormatter("p", debug=False))
    handler.handle(record("lost"))
    handler.handle(record("lost too"))
    path.unlink()
    handler.reopen()
    handler.handle(record("kept"))
    handler.close()
    lines = path.read_text().splitlines()
    assert lines[0] == "(2 log lines could not be written)"
    assert lines[1].endswith("INFO kept")


def test_syslog_gets_everything_but_debugging_lines() -> None:
    sent: list[tuple[int, str]] = []
    handler = SyslogHandler(lambda priority, text: sent.append((priority, text)))
    handler.setFormatter(LineFormatter("p", debug=True, for_syslog=True))
    logger = logging.Logger("syslog test", logging.DEBUG)
    logger.addHandler(handler)
    logger.debug("no")
    with log.job_context(3, 1):
        logger.info("a")
    logger.warning("b")
    logger.error("c")
    logger.critical("d")
    assert sent == [
        (syslog.LOG_INFO, "job=3 op=1 INFO a"),
        (syslog.LOG_WARNING, "WARNING b"),
        (syslog.LOG_ERR, "ERROR c"),
        (syslog.LOG_CRIT, "CRITICAL d"),
    ]


def test_syslog_only_makes_no_file(tmp_path: Path) -> None:
    before = logging.getLogger().level
    made = LogSetup("p", tmp_path / "log", syslog_use=Syslog.ONLY)
    try:
        assert made.file_descriptor is None
        made.reopen()
        assert not (tmp_path / "log").exists()
    finally:
        made.close()
        logging.getLogger().setLevel(before)


def test_warnings_reach_the_terminal_in_the_foreground(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = logging.getLogger().level
    made = LogSetup("p", tmp_path / "log", standard_error=True)
    try:
        _logger.info("quiet")
        _logger.warning("loud")
    finally:
        made.close()
        logging.getLogger().setLevel(before)
    assert capsys.readouterr().err.endswith("WARNING loud\n")
