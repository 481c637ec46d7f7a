"""The pages as a reader's browser shows them: nothing fetched, nothing broken, nothing that shuts a reader out."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.browser
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 800}
AXE = """async (only) => (await axe.run('article', {resultTypes: ['violations'], ...only})).violations.map(
    v => v.id + ': ' + v.nodes.slice(0, 2).map(n => n.html.slice(0, 160)).join(' | '))"""
EVERY_RULE = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}  # only colours change with the scheme
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(params=["light", "dark"])
def reader(request: pytest.FixtureRequest, browser, site: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """A reader with a wide window who prefers one colour scheme, and a list of everything that went wrong."""
    context = browser.new_context(viewport=WIDE, color_scheme=request.param)
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda message: wrong.append(f"console: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("request", lambda request: _note_external(request.url, site.address, wrong))
    page.on(
        "response",
        lambda response: (
            wrong.append(f"{response.status}: {response.url}") if response.status >= 400 else None
        ),
    )
    yield SimpleNamespace(page=page, wrong=wrong, scheme=request.param)
    context.close()


def _note_external(url: str, address: str, wrong: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        wrong.append(f"request to another host: {url}")


def test_no_page_errs_or_asks_another_host_and_every_article_is_accessible(reader, site, axe) -> None:
    faults = []
    for name in site.pages:
        reader.page.goto(site.address + name)
        reader.page.evaluate(axe)
        if reader.page.locator("article").count():
            faults += [f"{name}: {fault}" for fault in reader.page.evaluate(AXE, EVERY_RULE[reader.scheme])]
    assert reader.wrong == []
    assert faults == []


def test_colour_scheme_of_the_reader_is_followed(reader, site) -> None:
    reader.page.goto(site.address)
    assert reader.page.locator("html").get_attribute("data-theme") == reader.scheme


def test_no_page_is_wider_than_a_phone(browser, site) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    wide = {}
    for name in site.pages:
        page.goto(site.address + name)
        if page.evaluate(OVERFLOW) > 0:
            wide[name] = page.evaluate(OVERFLOW)
    context.close()
    assert wide == {}


def test_formulas_are_set(browser, site) -> None:
    with_formulas = [
        name for name in site.pages if 'class="math' in (site.folder / name).read_text(encoding="utf8")
    ]
    if not with_formulas:
        pytest.skip("no page of this site has a formula")
    page = browser.new_page()
    for name in with_formulas:
        page.goto(site.address + name)
        page.wait_for_selector("mjx-container", state="attached", timeout=10_000)
        assert page.locator("mjx-merror").count() == 0, name
    page.close()


@pytest.mark.parametrize("site", ["toy"], indirect=True)
@pytest.mark.parametrize(("word", "found"), [("zebrafish", "01_toy"), ("rounding", "how-to-read")])
def test_search_finds_the_chapter_that_holds_a_word(browser, site, word: str, found: str) -> None:
    page = browser.new_page()
    page.goto(f"{site.address}search.html?q={word}")
    page.wait_for_selector("#search-results li a", timeout=10_000)
    addresses = page.locator("#search-results li a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    page.close()
    assert any(found in address for address in addresses), addresses


@pytest.mark.parametrize("site", ["toy"], indirect=True)
def test_figure_leads_to_its_cell_and_to_its_numbers(browser, site) -> None:
    page = browser.new_page()
    page.goto(f"{site.address}stadlbauer2025/01_toy.html")
    figure = page.locator("figure:has(#fig-bars)")
    assert figure.locator("img").get_attribute("alt") == "Two bars: 140 units and 90 units."
    assert (
        "draw_bars()"
        in page.locator(
            str(figure.get_by_text("the cell that draws it").get_attribute("href"))
        ).text_content()
    )
    csv = figure.get_by_text("CSV").evaluate("link => link.href")
    assert page.request.get(csv).text() == "x,y\n1,2\n"
    page.close()
