"""The fault matrix: what Tests/Faults/*.toml say, and whether it can be true."""
import dataclasses
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "Tests" / "Faults"


@dataclasses.dataclass(frozen=True)
class Row:
    id: str
    suite: str
    test: str
    mutant: str

    @property
    def filter(self):
        """For `swift test --filter`, whose regex is searched in `Suite.Type/name()`."""
        return rf"^{self.suite}\..*(?:{self.test})"


@dataclasses.dataclass(frozen=True)
class Mutant:
    id: str
    file: str
    old: str
    new: str

    def fault(self):
        """Why this mutant cannot be applied, or None."""
        path = ROOT / self.file
        if not path.is_file():
            return f"mutant {self.id}: there is no {self.file}"
        count = path.read_text().count(self.old)
        if count != 1:
            return f"mutant {self.id}: its text occurs {count} times in {self.file}, must be once"
        return f"mutant {self.id}: it changes nothing" if self.old == self.new else None


def load(path):
    """The rows and the mutants (by id) of one file; ValueError for what is not of the form."""
    with open(path, "rb") as stream:
        content = tomllib.load(stream)
    try:
        rows = [Row(**entry) for entry in content.pop("row", [])]
        mutants = [Mutant(**entry) for entry in content.pop("mutant", [])]
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from None
    if content:
        raise ValueError(f"{path}: unknown tables {', '.join(content)}")
    by_id = {mutant.id: mutant for mutant in mutants}
    if len(by_id) != len(mutants):
        raise ValueError(f"{path}: two mutants of one id")
    return rows, by_id


SUITE = re.compile(r'^(?:@Suite(?:\([^\n]*\))?\s+)?(?:public |internal |private )?(?:final )?'
                   r'(?:struct|class|enum|actor|extension) (`[^`]+`|[\w.]+)', re.M)
TEST = re.compile(r"\bfunc (`[^`]+`|\w+)\s*[(<]")


def tests(suite):
    """`Suite.Type/name()` of every function in the suite's sources: those that are no tests do no harm here."""
    names = []
    for path in (ROOT / "Tests" / suite).rglob("*.swift"):
        text = path.read_text()
        types = [(match.start(), match.group(1)) for match in SUITE.finditer(text)]
        for match in TEST.finditer(text):
            around = [name for start, name in types if start < match.start()]
            names.append(f"{suite}.{around[-1] + '/' if around else ''}{match.group(1)}()")
            names.append(f"{suite}.{match.group(1)}()")
    return names


def problems(path):
    """What is wrong with one file, as sentences."""
    try:
        rows, mutants = load(path)
    except (ValueError, tomllib.TOMLDecodeError) as error:
        return [str(error)]
    known = {suite: tests(suite) for suite in {row.suite for row in rows}}
    found = [fault for mutant in mutants.values() if (fault := mutant.fault())]
    for row in rows:
        if not re.fullmatch(r"[A-K]\d+[a-z]?", row.id):
            found.append(f"row {row.id}: no such row")
        if not any(re.search(row.filter, name) for name in known[row.suite]):
            found.append(f"row {row.id}: no test of {row.suite} matches '{row.test}'")
        if row.mutant not in mutants:
            found.append(f"row {row.id}: there is no mutant {row.mutant}")
    unused = set(mutants) - {row.mutant for row in rows}
    found += [f"mutant {name}: serves no row" for name in sorted(unused)]
    return [f"{path.name}: {sentence}" for sentence in found]
