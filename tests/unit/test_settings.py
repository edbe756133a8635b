"""The optional settings file."""

from pathlib import Path

import pytest

from masterd import limits, settings
from masterd.errors import ConfigurationError
from masterd.settings import Settings


def test_a_missing_file_means_all_defaults(tmp_path: Path) -> None:
    loaded = settings.load(tmp_path / "masterd.toml")
    assert loaded == Settings()
    assert loaded.jobs_live_max == limits.JOBS_LIVE_MAX
    assert loaded.wait_for_candidates is False


def test_given_keys_replace_their_defaults_only(tmp_path: Path) -> None:
    path = tmp_path / "masterd.toml"
    path.write_text("jobs_live_max = 7\nwait_for_candidates = true\ndrain_timeout_s = 3\n")
    loaded = settings.load(path)
    assert loaded == Settings(jobs_live_max=7, wait_for_candidates=True, drain_timeout_s=3.0)
    assert type(loaded.drain_timeout_s) is float


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("job_live_max = 7", "unknown setting 'job_live_max'"),
        ("[jobs]\nlive_max = 7", "unknown setting 'jobs'"),
        ("jobs_live_max = 7.5", "jobs_live_max must be a whole number, not a number"),
        ("jobs_live_max = true", "jobs_live_max must be a whole number, not true or false"),
        ("jobs_live_max = 0", "jobs_live_max must be within 1 and 1000000, not 0"),
        ("drain_timeout_s = -1", "drain_timeout_s must be within"),
        ("drain_timeout_s = nan", "drain_timeout_s must be within"),
        ("drain_timeout_s = inf", "drain_timeout_s must be within"),
        ("wait_for_candidates = 'yes'", "must be true or false, not text"),
        ("wait_for_candidates = 1", "must be true or false, not a whole number"),
        ("vote_tries = 1979-05-27", "must be a whole number, not something else"),
        ("dialect = '3.2'", "dialect must be one of auto, 3.0, 3.1, not '3.2'"),
        ("dialect = 3.1", "dialect must be text, not a number"),
        ("jobs_live_max =", "^here: "),
    ],
)
def test_a_wrong_file_is_refused_with_key_and_reason(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        settings.parse(text, "here")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "masterd.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=str(path)):
        settings.load(path)


def test_every_default_is_accepted_when_written_down() -> None:
    text = "\n".join(settings.describe())
    assert settings.parse(text, "described") == Settings()
