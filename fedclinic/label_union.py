"""Sites that annotate different labels: what each calls them, and which of the task's they are.

The task's labels are the union, whose order is the head's. A site that is said to annotate some of
them teaches nothing about the others: an unmarked token of its notes is outside of its own labels,
and may well be inside one that it does not annotate.
"""

from collections.abc import Mapping, Sequence

Names = Mapping[str, str]
"""From a site's own name of a label to the task's."""


def check_union(kind: str, labels: Sequence[str], sites: Mapping[str, Names]) -> None:
    """Refuse a union that leaves a label to nobody, or maps to one that the task has not.

    Args:
        sites: of every site; empty where a site annotates all labels by their own names.

    Raises:
        ValueError: says what is allowed.
    """
    for site, names in sites.items():
        check_names(kind, labels, site, names)
    taught = {label for names in sites.values() for label in (names.values() or labels)}
    untaught = [label for label in labels if label not in taught]
    if untaught and sites:
        raise ValueError(
            f"sites: no site annotates {untaught[0]!r}: leave it out of task.labels, or name it "
            "under the labels of a site"
        )


def check_names(kind: str, labels: Sequence[str], site: str, names: Names) -> None:
    """Refuse names of a site that stand for no label of the task.

    Raises:
        ValueError: says what is allowed.
    """
    if names and kind != "token_classification":
        raise ValueError(f"{site}: labels of a site are for token_classification, not {kind}")
    unknown = sorted(set(names.values()) - set(labels))
    if unknown:
        raise ValueError(
            f"{site}: its labels name {unknown[0]!r}, which is none of task.labels: "
            f"{', '.join(labels)}"
        )


def annotated(labels: Sequence[str], names: Names) -> tuple[str, ...]:
    """The task's labels that a site annotates, in the task's order."""
    known = set(names.values()) or set(labels)
    return tuple(label for label in labels if label in known)


def unannotated(labels: Sequence[str], names: Names) -> tuple[int, ...]:
    """Numbers of the task's labels of which a site's notes say nothing."""
    known = annotated(labels, names)
    return tuple(number for number, label in enumerate(labels) if label not in known)
