"""The pages as a reader's browser shows them: nothing fetched, nothing broken, nothing that shuts a reader out."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.browser
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 800}
AXE = """async (only) => (await axe.run('article', {resultTypes: ['violations'], ...only})).violations.map(
    v => v.id + ': ' + v.nodes.slice(0, 2).map(n => n.html.slice(0, 160)).join(' | '))"""
THIN_OUT = """() => {  // the toy book is examined whole; of the real one, what repeats a thousand times is sampled
    document.querySelectorAll('div.highlight pre, mjx-container').forEach(e => e.replaceChildren());
    document.querySelectorAll('.ledger-rows').forEach(list => [...list.querySelectorAll('details.claim')].slice(8).forEach(e => e.remove()));
    document.querySelectorAll('article table').forEach(t => [...t.rows].slice(12).forEach(e => e.remove()));
}"""
SAMPLED = ("api/statistics", "api/evidence", "api/base")  # all pages of the reference come from one function
EVERY_RULE = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}  # only colours change with the scheme
CUT_TABLES = """[...document.querySelectorAll("article .table-scroll")]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.getAttribute("aria-label"))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="session", params=["light", "dark"])
def seen(request: pytest.FixtureRequest, browser, site: SimpleNamespace, axe: str) -> SimpleNamespace:
    """What a reader with one colour scheme meets on every page, each loaded once; widths are measured in the light."""
    context = browser.new_context(viewport=WIDE, color_scheme=request.param)
    page = context.new_page()
    found = SimpleNamespace(wrong=[], faults=[], too_wide={}, cut={}, unset=[], schemes=set())
    page.on("console", lambda m: found.wrong.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: found.wrong.append(f"page error: {error}"))
    page.on("request", lambda request: _note_external(request.url, site.address, found.wrong))
    page.on("response", lambda r: found.wrong.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    for name in site.pages:
        page.goto(site.address + name)
        found.schemes.add(page.locator("html").get_attribute("data-theme"))
        if request.param == "light":
            _measure(page, name, site, found)
        _examine(page, name, site, found, axe, EVERY_RULE[request.param])
    context.close()
    return SimpleNamespace(scheme=request.param, **vars(found))


def _note_external(url: str, address: str, wrong: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        wrong.append(f"request to another host: {url}")


def _measure(page, name: str, site: SimpleNamespace, found: SimpleNamespace) -> None:
    if 'class="math' in (site.folder / name).read_text(encoding="utf8"):
        page.wait_for_selector("mjx-container", state="attached", timeout=10_000)
        if page.locator("mjx-merror").count():
            found.unset.append(name)
    if not name.startswith("api/") and page.evaluate(CUT_TABLES):
        found.cut[name] = page.evaluate(CUT_TABLES)
    page.set_viewport_size(PHONE)
    if page.evaluate(OVERFLOW) > 0:
        found.too_wide[name] = page.evaluate(OVERFLOW)
    page.set_viewport_size(WIDE)


def _examine(page, name: str, site: SimpleNamespace, found: SimpleNamespace, axe: str, rules: dict) -> None:
    sampled = not name.startswith("api/") or name.startswith(SAMPLED) or site.name != "real"
    if not sampled or not page.locator("article").count():
        return
    if site.name == "real":
        page.evaluate(THIN_OUT)
    page.evaluate(axe)
    found.faults += [f"{name}: {fault}" for fault in page.evaluate(AXE, rules)]


def test_no_page_errs_or_asks_another_host(seen) -> None:
    assert seen.wrong == []


def test_every_article_is_accessible(seen) -> None:
    assert seen.faults == []


def test_colour_scheme_of_the_reader_is_followed(seen) -> None:
    assert seen.schemes == {seen.scheme}


def test_no_page_is_wider_than_a_phone(seen) -> None:
    assert seen.too_wide == {}


def test_no_table_loses_its_last_column_on_a_wide_screen(seen) -> None:
    assert seen.cut == {}


def test_formulas_are_set(seen) -> None:
    assert seen.unset == []


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
    figure.get_by_text("the cell that draws it").click()
    cell = page.locator(page.evaluate("location.hash"))
    assert "draw_bars()" in cell.evaluate("e => e.nextElementSibling.textContent")
    assert page.get_by_text("draw_bars()").is_visible(), "a link to folded code unfolds it"
    csv = figure.get_by_text("CSV").evaluate("link => link.href")
    assert page.request.get(csv).text() == "x,y\n1,2\n"
    page.close()


def opened(browser, site, name: str, **context):
    """Return a page of the toy book, opened in a window of its own."""
    page = browser.new_context(**{"viewport": WIDE, **context}).new_page()
    page.goto(site.address + name)
    return page


def shown(page) -> list[str]:
    """Return the names of the numbers that the ledger shows."""
    return [
        str(row.get_attribute("id")).split("-", 1)[1]
        for row in page.locator("details.claim").all()
        if row.is_visible()
    ]


@pytest.mark.parametrize("site", ["toy"], indirect=True)
def test_ledger_is_filtered_searched_and_remembered_in_its_address(browser, site) -> None:
    page = opened(browser, site, "claims.html")
    assert "field" not in shown(page) and len(shown(page)) == 8
    page.locator("select[name=status]").select_option("inconsistent")
    assert shown(page) == ["false", "miscounted"]
    page.locator("select[name=section]").select_option("Tables")
    assert shown(page) == ["miscounted"]
    assert page.locator(".ledger-count").inner_text() == "1 of 12 printed numbers"
    page.reload()
    assert shown(page) == ["miscounted"]
    page.get_by_role("button", name="Clear").click()
    page.locator("select[name=role]").select_option("setting")
    assert shown(page) == ["field"]
    page.locator("select[name=role]").select_option("")
    page.locator(".ledger-controls input[name=q]").fill("discussion")
    assert shown(page) == ["cited"]
    page.context.close()


@pytest.mark.parametrize("site", ["toy"], indirect=True)
def test_link_to_a_number_opens_it_even_where_the_filters_would_hide_it(browser, site) -> None:
    page = opened(browser, site, "claims.html?status=inconsistent#stadlbauer2025-again")
    row = page.locator("#stadlbauer2025-again")
    assert row.is_visible() and row.get_attribute("open") is not None
    facts = row.locator("dl").inner_text()
    for expected in (
        "Abstract",
        "96.5 to 97.5 %",
        "97.39 to 97.40",
        "A toy chapter about zebrafish",
        "repeat",
    ):
        assert expected in facts, facts
    page.context.close()


@pytest.mark.parametrize("site", ["toy"], indirect=True)
def test_ledger_without_script_is_a_plain_list_of_everything(browser, site) -> None:
    page = opened(browser, site, "claims.html", java_script_enabled=False)
    assert page.locator("details.claim").count() == 12
    assert not page.locator(".ledger-controls").is_visible()
    page.locator("details.claim summary").first.click()
    assert page.locator("details.claim dl").first.is_visible()
    page.context.close()


@pytest.mark.parametrize("site", ["toy"], indirect=True)
def test_script_of_the_ledger_is_loaded_nowhere_else(site) -> None:
    with_script = [
        name for name in site.pages if "ledger.js" in (site.folder / name).read_text(encoding="utf8")
    ]
    assert with_script == ["claims.html"]


@pytest.mark.parametrize("site", ["toy", pytest.param("real", marks=pytest.mark.project)], indirect=True)
def test_ledger_on_a_phone_shows_numbers_and_status_of_every_row(browser, site) -> None:
    page = opened(browser, site, "claims.html?role=", viewport=PHONE)
    rows = page.locator("details.claim:not([hidden]) > summary")
    for part in (".n", ".s"):
        outside = rows.locator(part).evaluate_all(
            "parts => parts.filter(p => p.getBoundingClientRect().right > innerWidth).length"
        )
        assert outside == 0
    assert rows.count() <= 25 * 5
    page.context.close()


@pytest.mark.parametrize("site", ["toy"], indirect=True)
def test_code_is_folded_once_for_each_part_and_untagged_code_is_not(browser, site) -> None:
    page = opened(browser, site, "stadlbauer2025/01_toy.html")
    visible = [code.inner_text() for code in page.locator("div.cell_input").all() if code.is_visible()]
    assert [text.strip() for text in visible] == ["shown(1)", "show_table()", "frame", "print('a' * 200)"]
    assert page.locator("div.code-fold").count() == 2
    page.locator(".how-made summary").click()
    assert "seed = 1" in page.locator(".how-made").inner_text()
    page.context.close()


@pytest.mark.parametrize("site", ["toy", pytest.param("real", marks=pytest.mark.project)], indirect=True)
def test_figures_can_be_read_on_a_phone_and_lie_on_a_light_card_in_the_dark(browser, site) -> None:
    chapters = [
        name for name in site.pages if "figure-scroll" in (site.folder / name).read_text(encoding="utf8")
    ]
    page = opened(browser, site, chapters[0], viewport=PHONE, color_scheme="dark")
    image = page.locator(".figure-scroll img").first
    assert image.evaluate("i => i.getBoundingClientRect().width") >= 500
    assert image.evaluate("i => getComputedStyle(i).backgroundColor") == "rgb(255, 255, 255)"
    assert image.evaluate("i => getComputedStyle(i).filter") != "none"
    page.locator(".figure-scroll a.enlarge").first.click()
    assert page.url.endswith(".svg")
    page.context.close()


@pytest.mark.parametrize("site", [pytest.param("real", marks=pytest.mark.project)], indirect=True)
def test_first_reader_finds_why_3156_does_not_fit_within_three_clicks(browser, site) -> None:
    page = opened(browser, site, "index.html")
    link = page.locator("article a", has_text="3156").first
    assert link.count() == 1, "the first page names the finding"
    link.click()
    assert "findings.html#nocera2025-" in page.url
    target = page.locator(f"[id='{page.url.split('#')[1]}']")
    assert "3156" in target.evaluate("e => e.closest('section').innerText")
    page.context.close()
