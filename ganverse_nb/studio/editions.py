"""The studio's editions: 1 took the photographs that the bundled networks learned from; 2 varies far more."""

from __future__ import annotations

from ganverse_nb.studio.categories import StudioCategory, find_studio_category

EDITIONS = (1, 2)


def check_edition(edition: int) -> None:
    """Raises ValueError when there is no such edition."""
    if edition not in EDITIONS:
        raise ValueError(f"The studio has no edition {edition!r}; it has {' and '.join(map(str, EDITIONS))}.")


def find_kind(category: str, edition: int = 1) -> StudioCategory:
    """The category of that name, as an edition builds it.

    Raises:
        ValueError: no such category or edition.
    """
    check_edition(edition)
    kind = find_studio_category(category)
    if edition == 1:
        return kind
    from ganverse_nb.studio.second.subjects import SUBJECTS  # its kernels are only for those who want them

    return SUBJECTS[category].kind
