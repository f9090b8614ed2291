"""Bills of materials and advisories, without the network."""

import json
import re
from datetime import date

import pytest

from supply_chain import advisories, locks, sbom

ENTRY = {"checked": None, "advisories": {}}


@pytest.mark.parametrize("environment", locks.ENVIRONMENTS)
def test_every_requirement_is_locked_by_hash(environment):
    text = (locks.REQUIREMENTS / f"{environment}.txt").read_text()
    packages = locks.read(environment)
    assert len(packages) == len(re.findall(r"^[a-z].*==", text, re.MULTILINE))
    assert sum(len(package.hashes) for package in packages) == text.count("--hash=sha256:")
    assert [package.name for package in packages if not package.hashes] == []


@pytest.mark.parametrize("environment", locks.ENVIRONMENTS)
def test_the_bill_has_every_locked_package_with_its_hashes_and_no_time(environment):
    bill = sbom.bill(environment)
    assert [component["purl"] for component in bill["components"]] == [one.purl for one in locks.read(environment)]
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(set(references)) == len(references), "a package can be locked twice, for two versions of Python"
    assert all(component["externalReferences"][0]["hashes"] for component in bill["components"])
    assert "timestamp" not in json.dumps(bill)
    assert bill == sbom.bill(environment)


def test_the_bills_differ():
    assert sbom.bill("mlx")["serialNumber"] != sbom.bill("hf")["serialNumber"]


def test_the_advisories_cover_exactly_the_locked_versions():
    python = [purl for purl in advisories.read() if purl.startswith("pkg:pypi/")]
    assert python == advisories.locked(), "run `scripts/supply-chain list` after the requirements have changed"


def test_no_known_advisory_is_undecided():
    assert advisories.undecided(advisories.read()) == []


def test_a_refresh_keeps_reasons_and_drops_what_is_gone():
    known = {"pkg:pypi/a@1": {"checked": "2026-01-01", "advisories": {"GHSA-1": "not reachable", "GHSA-2": "gone"}}}
    fresh = advisories.refreshed(known, {"pkg:pypi/a@1": ["GHSA-3", "GHSA-1"]}, date(2026, 2, 3))
    assert fresh == {
        "pkg:pypi/a@1": {"checked": "2026-02-03", "advisories": {"GHSA-1": "not reachable", "GHSA-3": None}}
    }
    assert advisories.undecided(fresh) == ["pkg:pypi/a@1: GHSA-3, see https://osv.dev/vulnerability/GHSA-3"]


def test_another_version_has_never_been_checked():
    known = {"pkg:pypi/a@1": {"checked": "2026-01-01", "advisories": {}}}
    assert advisories.covering(known, ["pkg:pypi/a@2"]) == {"pkg:pypi/a@2": ENTRY}
