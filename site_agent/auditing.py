"""A site's side of the audits: planted patients and canaries in a round, the reveal at its end."""

from dataclasses import dataclass, replace

from fedclinic.errors import PolicyError
from fedclinic.evidence.events import AuditCommitted, AuditJudged, PlantedScored
from fedclinic.learning.finetune import LocalRound, with_canaries
from fedclinic.learning.hidden_states import (
    ComputedHiddenStates,
    JoinedHiddenStates,
    keep_hidden_states,
)
from fedclinic.learning.remembered import score_planted
from fedclinic.learning.tasks import encode_notes
from fedclinic.plan import PatientPrivacy, Privacy, Task
from fedclinic.privacy.accounting import epsilon
from fedclinic.privacy.audit_coordinates import Coordinates
from fedclinic.privacy.audit_messages import LoggedGuesses
from fedclinic.privacy.audit_verdict import AuditVerdict, Claim, judge_transcript
from fedclinic.privacy.auditing_policy import AuditingPolicy
from fedclinic.privacy.commit_reveal import Transcript
from fedclinic.privacy.mechanism import Mechanism
from fedclinic.records import Name
from fedclinic.rounds import RevealTask
from fedclinic.updates.blobs import BlobFolder
from site_agent.audit_secrets import AuditSecret, AuditSecrets
from site_agent.workbench import Workbench


@dataclass(frozen=True)
class Auditing:
    """What a site's audits follow and keep."""

    policy: AuditingPolicy
    secrets: AuditSecrets

    def secret(self, run: Name) -> AuditSecret:
        return self.secrets.of(run, self.policy.canaries)

    def commit(self, run: Name, site: Name, at: float) -> AuditCommitted:
        """Bind the site to a run's coins, before anything of the run is trained."""
        return AuditCommitted(at=at, site=site, run=run, committed=self.secret(run).commitment())

    def join(
        self, run: Name, task: Task, privacy: Privacy, local: LocalRound, bench: Workbench
    ) -> LocalRound:
        """Put the run's synthetic patients beside a round's notes, as the policy says."""
        if self.plants(task):
            local = _with_planted(self.secret(run), self.policy, task, local, bench)
        if isinstance(privacy, PatientPrivacy) and self.policy.audit_head:
            local = with_canaries(local, self.secret(run).audited(), privacy)
        return local

    def plants(self, task: Task) -> bool:
        """Whether synthetic patients are planted."""
        return bool(self.policy.memorisation.planted)

    def judge(
        self, task: RevealTask, guessed: LoggedGuesses, spent: list[Mechanism], blobs: BlobFolder
    ) -> AuditVerdict:
        """Judge this site's own run by the coordinator's guesses.

        Args:
            task: names the rounds' coordinates, which must be this site's own.
            guessed: the task's guesses.
            spent: what the run read notes for, by this site's ledger.
            blobs: the site's own, in which it keeps its coordinates.

        Raises:
            DataError: if the coordinates are not this site's.
            EvidenceError: if the guesses are none.
            PolicyError: if the run had no privacy to audit.
        """
        privacy = task.work.privacy
        if not isinstance(privacy, PatientPrivacy) or not task.coordinates:
            raise PolicyError("guesses were made about a run that has no coordinates")
        secret = self.secrets.find(task.run)
        rounds = [
            Coordinates.of_bytes(
                blobs.find(digest).read_bytes(),
                steps=privacy.steps_per_round,
                canaries=secret.canaries,
            )
            for digest in task.coordinates
        ]
        claim = Claim(privacy.mechanism(), epsilon(spent, delta=privacy.delta), privacy.delta)
        transcript = Transcript(secret.commitment(), task.coordinates, guessed, secret.secret)
        return judge_transcript(transcript, rounds, claim, self.policy.thresholds)

    def score(self, task: RevealTask, bench: Workbench, at: float) -> PlantedScored:
        """Score planted and unplanted patients under the model that `bench` holds."""
        planted = self.secrets.find(task.run).planted(task.work.task, self.policy.memorisation)
        bench.model.trunk.eval()
        try:
            scores = score_planted(
                bench.model,
                bench.precision,
                task.work.task,
                bench.tokenizer,
                planted,
            )
        finally:
            bench.model.trunk.train()
        return PlantedScored(at=at, site=task.site, run=task.run, state=task.state, scores=scores)


def judged(task: RevealTask, verdict: AuditVerdict, at: float) -> AuditJudged:
    """What a site states of its own audit."""
    return AuditJudged(
        at=at,
        run=task.run,
        round_number=None,
        site=task.site,
        audit="audit-head",
        verdict=verdict.verdict,
        numbers=verdict.numbers(),
    )


def _with_planted(
    secret: AuditSecret, policy: AuditingPolicy, task: Task, local: LocalRound, bench: Workbench
) -> LocalRound:
    """Add the planted patients' notes as if they had come from the site's own store."""
    planted = secret.planted(task, policy.memorisation)
    encoded = encode_notes([each.note for each in planted.members], task, bench.tokenizer)
    computed = ComputedHiddenStates(bench.model.stem, encoded.rows, bench.precision)
    hidden = JoinedHiddenStates(local.hidden, len(local.notes.rows), keep_hidden_states(computed))
    return replace(local, notes=local.notes.joined(encoded), hidden=hidden)
