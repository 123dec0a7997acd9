"""The audit head of a round: its canaries, its coins, and what they leave untouched."""

from dataclasses import replace

from fedclinic.privacy.audit_coordinates import Coordinates
from site_agent.audit_secrets import AuditSecrets
from tests.fakes import installed_auditing_policy
from tests.tiny_site import UNPROTECTED, make_tiny_site, make_tiny_task


def test_every_private_round_trains_canaries_and_says_where_their_coordinates_are(tiny):
    coordinates = []
    for number in (1, 2):
        report = tiny.run(make_tiny_task(round_number=number))
        assert report.audit is not None
        assert report.audit.canaries == tiny.site.auditing.policy.canaries
        content = tiny.site.blobs.find(report.audit.coordinates).read_bytes()
        coordinates.append(Coordinates.of_bytes(content, steps=3, canaries=20))
    joined = coordinates[0].then(coordinates[1])
    assert joined.signal.shape == (6, 20)


def test_canaries_are_in_no_update_and_in_no_count(tiny, tmp_path, tiny_model_folder):
    off = make_tiny_site(
        tmp_path / "off",
        tiny_model_folder,
        auditing=installed_auditing_policy(audit_head=False, planted=0),
    )
    audited, plain = tiny.run(make_tiny_task()), off.run(make_tiny_task())
    assert audited.update is not None
    assert plain.update is not None
    assert audited.update.parameters == plain.update.parameters
    assert audited.update.bytes == plain.update.bytes
    assert audited.budget == plain.budget
    assert audited.privacy == plain.privacy
    assert audited.deidentification is not None
    assert plain.deidentification is not None
    counts = [each.deidentification.model_dump(exclude={"store"}) for each in (audited, plain)]
    assert counts[0] == counts[1]
    assert tiny.spent() == off.spent()


def test_only_the_auditing_policy_switches_the_audit_head_off_and_the_report_tells(tiny):
    assert tiny.site.auditing.policy.audit_head
    off = installed_auditing_policy(audit_head=False)
    tiny.change(auditing=replace(tiny.site.auditing, policy=off))
    assert tiny.run(make_tiny_task()).audit is None


def test_a_run_has_one_set_of_coins_and_another_run_others(tiny):
    entropy = iter(range(1, 100))
    secrets = AuditSecrets(tiny.home.audits, lambda: bytes([next(entropy)]) * 32)
    tiny.change(auditing=replace(tiny.site.auditing, secrets=secrets))
    for number in (1, 2):
        tiny.run(make_tiny_task(round_number=number))
    tiny.run(make_tiny_task(run="run-b"))
    kept = sorted(path.name for path in tiny.home.audits.iterdir())
    assert kept == ["run-a.json", "run-b.json"]
    one, other = (secrets.find(run) for run in ("run-a", "run-b"))
    assert one.commitment() != other.commitment()


def test_an_unprotected_round_has_nothing_to_audit(tiny):
    tiny.allow(unprotected=True)
    assert tiny.run(make_tiny_task(work=UNPROTECTED)).audit is None
