"""What a hospital promises its patients: little is told of it, and nothing of any one of them."""

import pytest

from fedclinic.rounds import SiteReport
from tests.factories import make_work, note_row
from tests.tiny_site import TinySite, make_tiny_site, make_tiny_task


def report_of(patients: int, tmp_path, tiny_model_folder) -> tuple[TinySite, SiteReport]:
    rows = [note_row(number, text="Name-1 was seen for cough.") for number in range(patients)]
    site = make_tiny_site(tmp_path / str(patients), tiny_model_folder, rows=rows)
    return site, site.run(make_tiny_task())


def test_a_report_does_not_tell_how_many_patients_a_hospital_has(tmp_path, tiny_model_folder):
    """One patient more or less changes no count, no size and no privacy figure of a report."""
    _, fewer = report_of(21, tmp_path, tiny_model_folder)
    _, more = report_of(22, tmp_path, tiny_model_folder)
    assert fewer.update is not None
    assert more.update is not None
    assert fewer.update.bytes == more.update.bytes
    assert fewer.update.parameters == more.update.parameters
    assert fewer.privacy == more.privacy
    assert fewer.budget == more.budget
    assert counts_of(fewer) == counts_of(more)


def counts_of(report: SiteReport) -> dict[str, object]:
    """What is told of the notes, but for the digest that only the site's key can repeat."""
    assert report.deidentification is not None
    return report.deidentification.model_dump(exclude={"store"})


def test_the_digest_of_the_notes_is_another_in_each_round_whether_they_changed_or_not(
    tmp_path, tiny_model_folder
):
    site, first = report_of(21, tmp_path, tiny_model_folder)
    second = site.run(make_tiny_task(round_number=2))
    assert first.deidentification is not None
    assert second.deidentification is not None
    assert first.deidentification.store != second.deidentification.store
    assert first.deidentification.store == site.site.store.digest_for(first.run, 1)


def test_small_counts_are_not_told(tmp_path, tiny_model_folder):
    site, report = report_of(9, tmp_path, tiny_model_folder)
    assert site.site.store.measures.counts().replaced == {"PERSON": 9}
    assert report.deidentification is not None
    assert report.deidentification.notes is None
    assert report.deidentification.replaced == {"PERSON": None}


def test_a_failure_is_told_by_one_word(tmp_path, tiny_model_folder):
    site = make_tiny_site(tmp_path, tiny_model_folder)
    report = site.run(make_tiny_task(work=make_work(max_update_norm=1e-6)))
    told = report.model_dump(exclude_none=True, mode="json")
    assert told.pop("status") == "failed"
    assert told.pop("error") == "admission"
    assert told.pop("policies") == {}
    task = make_tiny_task().model_dump()
    assert all(task[name] == value for name, value in told.items())


@pytest.mark.parametrize("seed", [0, 1])
def test_an_update_is_never_the_bare_gradient_of_the_patients(tmp_path, tiny_model_folder, seed):
    """The same notes and the same task give another update with another noise key."""
    blobs = set()
    for key in (seed, seed + 100):
        site = make_tiny_site(tmp_path / str(key), tiny_model_folder)
        site.change(noise_key=lambda key=key: bytes([key]) * 32)
        update = site.run(make_tiny_task()).update
        assert update is not None
        blobs.add(update.blob)
    assert len(blobs) == 2
