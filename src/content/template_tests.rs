//! Templates: how cells are read, what is found wrong before there is a row, files that are read, and filters by locale.

use super::*;
use crate::base::clock::UnixTime;
use std::collections::BTreeMap;

/// A campaign whose text part, or HTML part, is a template, and one row of its list.
struct Case {
    spec: Spec,
    columns: Vec<String>,
    fields: Vec<Vec<u8>>,
}

impl Case {
    /// With a CSV list.
    fn csv(template: &str, row: &[(&str, &str)]) -> Self {
        let spec = Spec {
            name: "n".into(),
            from: "news@acme.example".into(),
            to: Some("list@acme.example".into()),
            subject: "s".into(),
            text: Some(Source { file: "t.txt".into(), text: template.into() }),
            ..Spec::default()
        };
        let columns = row.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { spec, columns, fields: row.iter().map(|(_, cell)| cell.as_bytes().to_vec()).collect() }
    }

    /// With a JSON list: values that are no text have their mark.
    fn json(template: &str, row: &[(&str, &str)]) -> Self {
        let mut case = Self::csv(template, row);
        case.spec.is_json = true;
        for field in &mut case.fields {
            match field.as_slice() {
                [b'"', .., b'"'] => *field = field[1..field.len() - 1].to_vec(),
                [] => {}
                _ => field.insert(0, JSON_MARK),
            }
        }
        case
    }

    fn types(mut self, types: &[(&str, ColumnType)]) -> Self {
        self.spec.types = types.iter().map(|&(name, kind)| (name.to_owned(), kind)).collect();
        self
    }

    fn locale(mut self, locale: &str) -> Self {
        self.spec.locale = Some(locale.to_owned());
        self
    }

    fn files(mut self, files: &[(&str, &str)]) -> Self {
        let file = |name: &str, text: &str| Ok(Source { file: format!("folder/{name}"), text: text.to_owned() });
        self.spec.partials = files.iter().map(|(name, text)| ((*name).to_owned(), file(name, text))).collect();
        self
    }

    fn html(mut self) -> Self {
        self.spec.html = self.spec.text.take();
        self
    }

    fn compiled(&self) -> Result<Composer, String> {
        Composer::compile(self.spec.clone(), &self.columns, "email")
            .map_err(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// What the template comes to.
    fn try_text(&self) -> Result<String, String> {
        let composer = self.compiled()?;
        let used: Vec<&[u8]> = composer.columns_used().iter().map(|&i| self.fields[i].as_slice()).collect();
        let row = RowRef { number: 0, mailbox: "ann@a.example", fields: &used };
        let mut out = Composed::default();
        composer.compose(&mut Scratch::default(), &row, UnixTime(0), &mut out).map_err(|e| e.to_string())?;
        let body = memchr::memmem::find(&out.content, b"\r\n\r\n").unwrap() + 4;
        let text = String::from_utf8(qp::decode(&out.content[body..])).unwrap();
        let text = text.replace("\r\n", "\n");
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    #[track_caller]
    fn gives(self, want: &str) {
        assert_eq!(self.try_text().as_deref(), Ok(want));
    }

    #[track_caller]
    fn fails(self, want: &str) {
        let said = self.try_text().expect_err("this is wrong");
        assert!(said.contains(want), "{said}\n  wanted: {want}");
    }

    /// It is wrong before there is a row.
    #[track_caller]
    fn refuses(self, want: &str) {
        let said = self.compiled().map(drop).expect_err("this is wrong");
        assert!(said.contains(want), "{said}\n  wanted: {want}");
    }
}

#[test]
fn json_values_are_what_they_are() {
    let row = [
        ("n", "19.90"),
        ("yes", "true"),
        ("no", "null"),
        ("list", "[\"a\", 2]"),
        ("o", "{\"city\": \"Rome\", \"z\": {\"k\": [1]}}"),
    ];
    let gives = |template: &str, want: &str| Case::json(template, &row).gives(want);
    gives("{{ n }} {{ n + 1 }} {{ n > 19 }} {{ n is number }}", "19.90 20.9 True True");
    gives("{{ yes }}{% if yes %}!{% endif %} [{{ no }}] {{ no is none }} {{ no|default('x') }}", "True! [] True x");
    gives("{% for i in list %}{{ loop.index }}:{{ i }} {% endfor %}{{ list }} {{ list|length }}", "1:a 2:2 ['a', 2] 2");
    gives("{{ o.city }} {{ o['z'].k[0] }} {% for k, v in o.items() %}{{ k }} {% endfor %}", "Rome 1 city z ");
    gives("{{ o.none|default('nowhere') }}", "nowhere");
    gives("{{ o.none }}{% if o.none %}x{% endif %}{% for i in o.none %}x{% endfor %}", "");
    Case::json("{% if n > 100 %}a{% endif %}", &[("n", "\"200\"")])
        .fails("t.txt, line 1, column 1: `if n > 100`: invalid operation: text (200) is compared with a number (100)");
    Case::json("{% if n > 100 %}a{% endif %}", &[("n", "\"200\"")]).types(&[("n", ColumnType::Number)]).gives("a");
    // A list and a string that print alike are two letters.
    Case::json("{{ n is string }}", &[("n", "5")]).gives("False");
    Case::json("{{ n is string }}", &[("n", "\"5\"")]).gives("True");
}

#[test]
fn a_cell_that_is_computed_with_prints_as_it_stands() {
    for cell in ["007", "1e5", "1,5", "+49 30 1234", "01067", "19.90"] {
        Case::csv("{{ c }} {{ c ~ '' }} {{ c|default('x') }} {% set d = c %}{{ d }}", &[("c", cell)])
            .gives(&format!("{cell} {cell} {cell} {cell}"));
    }
    Case::csv("{{ c }} {{ c|default(0) }} {{ c + 1 }} {{ c * 2 }}", &[("c", "19.90")])
        .types(&[("c", ColumnType::Number)])
        .gives("19.90 19.90 20.9 39.8");
    Case::csv("{{ zip }} {{ zip[:2] }} {{ zip|length }} {{ zip == '0123' }}", &[("zip", "0123")])
        .types(&[("zip", ColumnType::Number)])
        .gives("0123 01 4 True");
}

#[test]
fn text_is_never_compared_with_a_number() {
    let text = ("plan", ColumnType::Text);
    let row = [("plan", "gold"), ("points", "120")];
    let refused = |template: &str, want: &str| Case::csv(template, &row).types(&[text]).refuses(want);
    refused("\n  {% if plan > 100 %}x{% endif %}", "t.txt:2:9: text is compared with a number");
    refused("{{ plan|upper > 1 }}", "t.txt:1:4: text is compared with a number");
    refused("{{ email < 5 }}", "text is compared with a number");
    refused("{{ plan - 2 }}", "`plan` is declared as text, and a number is needed here");
    refused("{% if points > '100' %}x{% endif %}", "t.txt:1:16: a number in quotes is text");
    Case::csv("{% if points > 100 %}x{% else %}y{% endif %}", &row).gives("x");
    Case::csv("{% if points > 1000 %}x{% else %}y{% endif %}", &row).gives("y");
    Case::csv("{{ points == 120 }}{{ points in [1, 120] }}{{ 100 < points < 200 }}", &row).gives("TrueTrueTrue");
    Case::csv("{{ points > 100 }}", &[("points", "n/a")]).fails("`points` is no number: \"n/a\"");
    Case::csv("{{ points > 100 }}", &[("points", "")]).fails("`points` is empty, and a number is needed");
    Case::csv("{{ points|default(0) > 100 }}", &[("points", "")]).gives("False");
    // What is known only by row.
    Case::csv("{% set p = points %}{{ (p) > (100) }}", &row).gives("True");
    Case::csv("{% set p = plan %}{{ (p) > (100) }}", &row).fails("text (gold) is compared with a number (100)");
    Case::csv("{% set p = points|int %}{{ not (p + 1) > (100) and p <= 120 }}", &row).gives("False");
    Case::csv("{% macro m(a, b) %}{{ a < b }}{% endmacro %}{{ m(1, 2) }}{{ m('a', 'b') }}", &row).gives("TrueTrue");
}

#[test]
fn columns_that_must_be_numbers_are_named_with_their_place() {
    let case = Case::csv(
        "{{ plan }}\n{{ points|default(0) > 1 }}{{ points - age }}",
        &[("plan", ""), ("points", ""), ("age", "")],
    );
    let wanted: Vec<_> =
        case.compiled().unwrap().numbers_wanted().iter().map(|n| (n.column, n.position, n.copes_with_empty)).collect();
    assert_eq!(wanted, [(1, (2, 4), true), (1, (2, 31), false), (2, (2, 40), false)]);
    assert!(Case::json("{{ n > 1 }}", &[("n", "1")]).compiled().unwrap().numbers_wanted().is_empty());
}

#[test]
fn an_empty_cell_is_undefined_where_that_is_asked() {
    let row = [("first", ""), ("last", "Lee")];
    let template = "{{ first|default('friend') }} {{ first is defined }} [{{ first }}] {{ first == '' }} {{ first or last }} \
                    {% if not first %}none{% endif %} {{ last|default('x') }}";
    Case::csv(template, &row).gives("friend False [] True Lee none Lee");
    let mut case = Case::csv(template, &row);
    case.spec.empty_is_text = true;
    case.gives(" True [] True Lee none Lee");
    Case::csv("{% macro hi(n='you') %}{{ n|default('friend') }}{% endmacro %}{{ hi(first) }} {{ hi(last) }}", &row)
        .gives("you Lee");
    Case::json("{{ first|default('friend') }}{{ gone|default('!') }}", &[("first", "null"), ("gone", "")])
        .gives("friend!");
}

#[test]
fn declared_types_are_held_by_each_row() {
    let row = [("vip", "yes"), ("due", "24.12.2026"), ("n", "7.5"), ("b", "")];
    let types = [
        ("vip", ColumnType::Boolean),
        ("due", ColumnType::Date),
        ("n", ColumnType::Integer),
        ("b", ColumnType::Boolean),
    ];
    let case = |template: &str| Case::csv(template, &row).types(&types);
    case("{{ vip }} {% if vip %}V{% endif %}{% if b %}B{% endif %} {{ due }} {{ due > '2026-01-01' }}")
        .gives("yes V 24.12.2026 True");
    case("{{ n + 1 }}").fails("`n` is no whole number: \"7.5\"");
    case("{{ due > 5 }}").refuses("text is compared with a number");
}

#[test]
fn what_no_template_knows_is_found_before_there_is_a_row() {
    let row = [("first", "Ann"), ("last", "Lee")];
    let refused = |template: &str, want: &str| Case::csv(template, &row).refuses(want);
    refused("a\n{{ first | titlecase }}", "t.txt:2:12: there is no filter `titlecase`\nhint: did you mean `title`?");
    refused("{% if first is emtpy %}{% endif %}", "t.txt:1:16: there is no test `emtpy`");
    refused("{% filter shout %}x{% endfilter %}", "there is no filter `shout`");
    refused("{{ first.titel() }}", "text has no method `titel`\nhint: did you mean `title`?");
    refused("{{ first.given }}", "a cell of a column is text, and has no attribute `given`");
    refused("{{ greet(first) }}", "there is no function `greet`");
    refused("{{ [first]|map('uper')|list }}", "there is no filter `uper`");
    refused("{{ [first]|select('od')|list }}", "there is no test `od`");
    refused(
        "{% if x %}{{ frist }}{% endif %}{% for i in last %}{{ j }}{% endfor %}",
        "no column of the list is called `frist`",
    );
    // All of it at once, in the order of the text.
    let said = Case::csv("{{ a1 }}{{ first|b1 }}\n{{ c1() }}", &row).compiled().map(drop).unwrap_err();
    let places: Vec<&str> = said.lines().filter(|l| l.starts_with("t.txt")).map(|l| &l[..9]).collect();
    assert_eq!(places, ["t.txt:1:4", "t.txt:1:1", "t.txt:2:4"], "{said}");
}

#[test]
fn arguments_that_are_wrong_for_every_row_are_found_before_there_is_one() {
    let row = [("first", "Ann"), ("points", "7")];
    let mut others = Vec::new();
    for (expression, why) in [
        ("first|truncate('x')", "`truncate` fails with these arguments on every row: "),
        ("first|truncate(2)", "a length of 2 is shorter than \"...\"\nhint: it is written so: truncate(30)"),
        ("first|truncate(length=9, width=8)", "`truncate` fails"),
        ("first|center('x')", "`center` fails"),
        ("first|center(99999)", "wider than 10000"),
        ("first|replace(1)", "missing argument\nhint: it is written so: replace("),
        ("first|upper(1, 2)", "too many arguments\nhint: write `upper` with fewer arguments"),
        ("first|wordwrap('x')", "`wordwrap` fails"),
        ("first|default(1, 2, 3)|upper", "`default` fails"),
        ("points|int|round('x')", "`round` fails"),
        ("points|number('x')", "`number` fails"),
        ("points|money('EUR', locale='xx_YY')", "the locale `xx_YY` is not known"),
        ("points|plural('item')", "it needs the forms of the word"),
        ("points|date('%d', form='%Y')", "`date` fails"),
        ("'%d'|format('x')", "`format` fails"),
        ("points is divisibleby()", "`divisibleby` fails"),
        ("first.replace('a')", "`replace` fails"),
        ("first.split(1, 2, 3)", "`split` fails"),
        ("first.center()", "`center` fails"),
        ("range('x')", "`range` fails"),
    ] {
        let said = Case::csv(&format!("a\n{{{{ {expression} }}}}"), &row).compiled().map(drop);
        let is_told = |said: &String| said.contains(why) && said.contains("t.txt:2:");
        if !said.as_ref().is_err_and(is_told) {
            others.push((expression, said));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    // Each is told, in branches that no row may take, too.
    let said = Case::csv("{% if first == 'x' %}{{ first|truncate(2) }}{% endif %}{{ points|truncate(2) }}", &row);
    let said = said.compiled().map(drop).unwrap_err();
    assert_eq!(said.matches("`truncate` fails").count(), 2, "{said}");
}

#[test]
fn arguments_that_a_row_may_make_right_are_no_faults() {
    let row = [("first", "24/12/2026"), ("points", "7"), ("pattern", "%s and %s"), ("items", "a")];
    for expression in [
        "first|date('%Y', from='%d/%m/%Y')",
        "first.index('/')",
        "pattern|format('a', 'b')",
        "first|truncate(points|int)",
        "points|plural('a', 'b', 'c', locale='pl_PL')",
        "first|add_query('a=b')",
        "first|replace('/', '-')|upper|center(20)|indent(2, true)",
        "points|int|round(1, 'floor')",
        "first in ['a', 'b']",
        "first is in(['a', 'b'])",
        "points is divisibleby(2)",
        "first|split('/', 1)|map('int')|sum(start=1)",
        "[1, 2, 3]|batch(2, 0)|list|length",
        "[{'a': 1}]|sum(attribute='a')",
        "[{'a': 1}]|selectattr('a', 'gt', 0)|map(attribute='a')|join(', ')",
        "{'b': 1, 'a': 2}|dictsort(by='value')|first|first",
        "', '.join(['a', 'b'])",
        "first.removeprefix('2').rjust(12, '.')",
        "range(1, 5, 2)|list",
    ] {
        let case = Case::csv(&format!("{{{{ {expression} }}}}"), &row);
        assert!(case.compiled().is_ok(), "{expression}: {:?}", case.compiled().map(drop));
    }
}

#[test]
fn every_filter_and_test_that_is_named_is_there() {
    let env = {
        let mut env = minijinja::Environment::new();
        filters::register(&mut env, filters::order::Cells::Typed);
        env
    };
    let known = |what: &str, name: &str| {
        let asked = env.compile_expression_owned(format!("{name:?} is {what}")).unwrap().eval(()).unwrap();
        assert!(asked.is_true(), "there is no {what} {name}");
    };
    filters::FILTERS.iter().for_each(|(name, ..)| known("filter", name));
    filters::TESTS.iter().for_each(|name| known("test", name));
}

#[test]
fn columns_with_odd_headings_are_reachable() {
    let row =
        [("first name", "Ann"), ("if", "x"), ("class", "A"), ("address.city", "Rome"), ("e-mail-2", "z"), ("for", "f")];
    Case::csv(
        "{{ first_name }} {{ row[\"first name\"] }} {{ row['if'] }} {{ _if }} {{ class }} {{ row['address.city'] }}",
        &row,
    )
    .gives("Ann Ann x x A Rome");
    Case::csv("{{ row['first name']|upper ~ row['for'] }}{{ row._if }}{{ row['e-mail-2']|default('q') }}", &row)
        .gives("ANNfxz");
    let refused = |template: &str, want: &str| Case::csv(template, &row).refuses(want);
    refused(
        "{{ first name }}",
        "t.txt:1:4: the column `first name` is no name that a template can use as it is\nhint: write first_name or row[\"first name\"]",
    );
    refused("{{ address.city }}", "write address_city or row[\"address.city\"]");
    refused("{{ e-mail-2 }}", "write e_mail_2 or row[\"e-mail-2\"]");
    refused("{{ row['last name'] }}", "no column of the list is called `last name`");
    refused("{{ row }}", "`row` stands for all columns");
}

#[test]
fn names_that_a_template_binds_itself_are_its_own() {
    let row = [("first", "Ann"), ("items", "abc")];
    let gives = |template: &str, want: &str| Case::csv(template, &row).gives(want);
    gives("{% for first in [1, 2] %}{{ first }}{% endfor %}{{ first }}", "12Ann");
    gives("{% if true %}{% set first = first ~ '!' %}{% endif %}{{ first }}", "Ann!");
    gives("{% macro f(first) %}<{{ first }}>{% endmacro %}{{ f('x') }}{{ first }}", "<x>Ann");
    gives("{% with first = 'w' %}{{ first }}{% endwith %}{{ first }}", "wAnn");
    gives("{% set ns = namespace(n=0) %}{% for i in items %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "3");
    gives("{% macro f2() %}{{ caller('x') }}{% endmacro %}{% call(x) f2() %}{{ x }}{{ first }}{% endcall %}", "xAnn");
}

#[test]
fn files_are_read_from_the_campaign_s_folder() {
    let row = [("first", "A&B"), ("n", "3")];
    let files = [
        ("base.html", "<b>{% block title %}base{% endblock %}</b>{% block body %}{% endblock %}"),
        ("parts/hi.html", "Hi {{ first }}"),
        ("item.html", "{{ item }}{{ first }};"),
        ("m.html", "{% macro big(x) %}<i>{{ x }}</i>{% endmacro %}"),
        ("bad.html", "one\n{{ frist }}"),
        ("fails.html", "one\n{{ first|int(default='x') + first }}"),
        ("loop.html", "{% include 'loop.html' %}"),
    ];
    let case = |template: &str| Case::csv(template, &row).files(&files);
    case("{% extends 'base.html' %}{% block title %}{{ super() }}+{% include './parts/hi.html' %}{% endblock %}")
        .html()
        .gives("<b>base+Hi A&amp;B</b>");
    case("{% for item in 'xy' %}{% include 'item.html' %}{% endfor %}").gives("xA&B;yA&B;");
    case("{% from 'm.html' import big as b %}{{ b(first) }}{% import 'm.html' as m %}{{ m.big(n) }}")
        .html()
        .gives("<i>A&amp;B</i><i>3</i>");
    case("{% include 'none.html' ignore missing %}{% include ['none.html', 'parts/hi.html'] %}").gives("Hi A&B");
    case("a\n{% include 'none.html' %}").refuses("t.txt:2:12: there is no file `none.html` in the campaign's folder");
    case("{% include '../etc/passwd' ignore missing %}").refuses("leads out of the campaign's folder");
    case("{% include '/etc/passwd' %}").refuses("leads out of the campaign's folder");
    case("{% include first %}").refuses("which file is meant depends on the row");
    case("{% include 'bad.html' %}").refuses("folder/bad.html:2:4: no column of the list is called `frist`");
    case("a\n{% include 'fails.html' %}").fails("folder/fails.html, line 2, column 1: `");
    case("a\n{% include 'fails.html' %}").fails("(read by t.txt, line 2)");
    case("{% include 'loop.html' %}").fails("recursion");
    let mut refused = case("{% include 'link.html' ignore missing %}");
    refused.spec.partials = BTreeMap::from([("link.html".to_owned(), Err("it is a link".to_owned()))]);
    refused.refuses("`link.html` cannot be read: it is a link");
}

#[test]
fn dates_money_and_numbers_are_written_as_people_of_the_locale_write_them() {
    let row = [("due", "2026-03-05"), ("total", "1234567.5"), ("n", "5"), ("lang", "fr_FR"), ("gap", "")];
    let gives = |template: &str, locale: &str, want: &str| Case::csv(template, &row).locale(locale).gives(want);
    let date = "{{ due|date('%A, %e. %B %Y') }}";
    gives(date, "de_DE", "Donnerstag, 5. M\u{e4}rz 2026");
    gives(date, "en", "Thursday, 5. March 2026");
    gives(date, "{{ lang }}", "jeudi, 5. mars 2026");
    gives(
        "{{ due|date('%d/%m/%y', locale='de') }} {{ due|date }} [{{ none|date('%d') }}]",
        "de",
        "05/03/26 05.03.2026 []",
    );
    gives(
        "{{ total|money('EUR') }} {{ total|money }}",
        "de_DE",
        "1.234.567,50\u{a0}\u{20ac} 1.234.567,50\u{a0}\u{20ac}",
    );
    gives(
        "{{ total|money('USD') }} {{ total|money('CHF') }} {{ -1.005|money('USD') }}",
        "en_US",
        "$1,234,567.50 CHF\u{a0}1,234,567.50 -$1.01",
    );
    gives(
        "{{ total|number }} {{ total|number(0) }} {{ total|number(decimals=2) }}",
        "de",
        "1.234.567,5 1.234.568 1.234.567,50",
    );
    gives("{{ 1234567|number }} {{ 999.995|number(2) }} {{ -0.4|number(0) }}", "en_IN", "12,34,567 1,000.00 0");
    gives(
        "{{ n|plural('item', 'items') }} {{ 1|plural('item', 'items') }} {{ [1]|plural('a', 'b') }}",
        "en",
        "items item a",
    );
    gives(
        "{{ 1|plural('1','2','5') }}{{ 3|plural('1','2','5') }}{{ n|plural('1','2','5') }}{{ 12|plural('1','2','5') }}{{ 22|plural('1','2','5') }}",
        "pl",
        "12552",
    );
    gives(
        "{{ '03/04/2026'|date('%Y-%m-%d', from='%d/%m/%Y') }} {{ '24.12.2026 18:30'|date('%H.%M') }} {{ 0|date('%Y') }}",
        "en",
        "2026-04-03 18.30 1970",
    );
    Case::csv("{{ n|date }}", &row).fails("\"5\" is no date");
    Case::csv("{{ due|money('EUR') }}", &row).fails("\"2026-03-05\" is no number");
    Case::csv("{{ due|date('%d', locale='xx') }}", &row).fails("the locale `xx` is not known");
    Case::csv("x", &row).locale("xx_YY").refuses("the locale `xx_YY` is not known");
    Case::csv("x", &row).locale("{{ lagn }}").refuses("campaign key `locale`: no column of the list is called `lagn`");
}

#[test]
fn null_is_nothing_wherever_it_stands() {
    let row = [("o", "{\"city\": null, \"z\": \"Q\", \"in\": {\"n\": null}}"), ("l", "[null, 1]"), ("n", "null")];
    let gives = |template: &str, want: &str| Case::json(template, &row).gives(want);
    gives("[{{ o.city }}{{ l[0] }}{{ n }}{{ o.in.n }}]", "[]");
    gives("Dear {{ \"Ms \" ~ o.city }}{{ 'a' ~ l[0] ~ n }}.", "Dear Ms a.");
    gives("{{ o.city|default('d') }}{{ l[0]|default('e') }}{{ l|first|default('f') }}{{ n|default('g') }}", "defg");
    gives(
        "{{ o.city is defined }} {{ o.city is none }} {{ o.city == none }} {{ o.gone is none }}",
        "False True True False",
    );
    gives("{% set c = o.city %}{% set d = n %}[{{ c }}{{ d }}]{{ c|default('x') }}{{ d|default('y') }}", "[]xy");
    gives(
        "{% for k, v in o.items() %}{{ k }}={{ v }};{% endfor %}{% for i in l %}<{{ i }}>{% endfor %}",
        "city=;z=Q;in={'n': None};<><1>",
    );
    gives(
        "{{ l|join('-') }} {{ o.city|upper }}{{ '%s'|format(o.city) }}{{ o.get('city') }} {{ l|map('default', 'd')|join }}",
        "-1  d1",
    );
    gives(
        "{{ o }} {{ l|tojson }} {{ l|length }} {{ o.in|tojson }}",
        "{'city': None, 'z': 'Q', 'in': {'n': None}} [null, 1] 2 {\"n\": null}",
    );
    Case::json("{{ o.city }}", &row).html().gives("");
}

#[test]
fn whole_numbers_of_any_length_print_as_they_stand() {
    let long = "1234567890123456789012345678901234567890123";
    let row = [
        ("n", "12345678901234567890123"),
        ("o", "{\"id\": 98765432109876543210, \"list\": [-12345678901234567890123]}"),
        ("x", long),
    ];
    let gives = |template: &str, want: &str| Case::json(template, &row).gives(want);
    gives(
        "{{ n }} {{ o.id }} {{ o.list[0] }} {{ n + 1 }}",
        "12345678901234567890123 98765432109876543210 -12345678901234567890123 12345678901234567890124",
    );
    gives(
        "{% set m = n %}{{ m }} {{ m ~ '' }} {% set y = x %}{{ y }}",
        &format!("12345678901234567890123 12345678901234567890123 {long}"),
    );
    Case::json("{% set y = x %}{{ y + 1 }}", &row).fails("line 1, column 16: `y + 1`");
}

#[test]
fn a_cell_behind_another_name_compares_as_the_cell_does() {
    let row = [("points", "150"), ("name", "x"), ("gap", "")];
    let gives = |template: &str, want: &str| Case::csv(template, &row).gives(want);
    gives(
        "{{ points == 150 }} {% set p = points %}{{ p == 150 }} {{ p > 20 }} {{ p != 150 }} {{ p in [150, 'all'] }}",
        "True True True False True",
    );
    gives("{% macro m(a) %}{{ a == 150 }} {{ 1 < a < 1000 }}{% endmacro %}{{ m(points) }}", "True True");
    gives("{{ 150 in [points] }} {{ [points]|select('gt', 100)|list|length }} {{ [points, 20]|max }}", "True 1 150");
    gives("{% set e = gap %}{{ e == '' }} {{ e in ['', 'a'] }} {{ gap == '' }} {{ -1 == e }}", "True True True False");
    Case::csv("{% set p = name %}{{ p == 150 }}", &row)
        .fails("`p == 150`: invalid operation: text (x) is compared with a number (150)");
    Case::csv("{{ [name, 5]|max }}", &row).fails("is compared with");
    Case::csv("{% for r in [name] %}{{ 1 < r < 3 }}{% endfor %}", &row).fails("text (x)");
    let row = [("i", "1"), ("s", "\"1\""), ("e", "\"\"")];
    let gives = |template: &str, want: &str| Case::json(template, &row).gives(want);
    gives(
        "{{ i == '1' }} {{ s == '1' }} {{ i == 1 }} {{ s == 1 }} {{ i in ['1'] }} {{ e == '' }}",
        "False True True False False True",
    );
    gives("{% set j = i %}{{ j == '1' }} {{ j == 1 }} {{ '1' in [i] }} {{ 1 in [s] }}", "False True False False");
    Case::json("{{ [i, s]|sort }}", &row).fails("is compared with");
}

#[test]
fn methods_of_text_work_on_an_empty_cell() {
    for case in [
        |t: &str| Case::csv(t, &[("first", "")]),
        |t: &str| Case::json(t, &[("first", "\"\"")]),
        |t: &str| Case::json(t, &[("first", "null")]),
    ] {
        case("[{{ first.strip() }}{{ first.upper() }}{{ first[:3] }}{{ first.split(',')|length }}]").gives("[1]");
        case("{% set f = first %}[{{ f.strip().title() }}]{{ f|default('x') }}").gives("[]x");
        case("{% if first.startswith('A') %}a{% endif %}{% for c in first %}{{ c }}{% else %}none{% endfor %}")
            .gives("none");
    }
}

#[test]
fn what_is_asked_for_before_is_not_wanted_of_every_row() {
    let guarded = |template: &str| {
        let case = Case::csv(template, &[("points", "")]);
        let all: Vec<bool> = case.compiled().unwrap().numbers_wanted().iter().map(|n| n.copes_with_empty).collect();
        assert!(!all.is_empty() && all.iter().all(|copes| *copes), "{template} {all:?}");
        case.gives("-");
    };
    guarded("{% if points is defined and points > 100 %}x{% endif %}-");
    guarded("{% if points and points > 100 %}x{% endif %}-");
    guarded("{% if points %}{% if points > 100 %}x{% endif %}{% endif %}-");
    guarded("{{ 'x' if points and points > 100 else '-' }}");
    guarded("{{ points + 1 if points else '-' }}");
    guarded("{% if not points or points > 5 %}-{% endif %}");
    guarded("{% if not points %}-{% elif points > 5 %}x{% endif %}");
    let case = Case::csv("{% if points > 100 %}x{% endif %}", &[("points", "")]);
    assert!(!case.compiled().unwrap().numbers_wanted()[0].copes_with_empty);
    case.fails(
        "t.txt, line 1, column 1: `if points > 100`: invalid operation: `points` is empty, and a number is needed",
    );
}

#[test]
fn a_pattern_of_a_date_that_is_none_is_told_before_anything_is_sent() {
    let refused = |template: &str, problem: &str, hint: &str| {
        Case::csv(template, &[("due", "2026-12-24")]).refuses(problem);
        Case::csv(template, &[("due", "2026-12-24")]).refuses(hint);
    };
    refused(
        "Due {{ due|date(\"YYYY-MM-DD\") }}",
        "t.txt:1:17: the pattern \"YYYY-MM-DD\" has no `%`",
        "write \"%Y-%m-%d\"",
    );
    refused("{{ due|date('F j, Y') }}", "has no `%`", "write \"%B %-d, %Y\"");
    refused("{{ due|date('long') }}", "has no `%`", "write \"%e. %B %Y\"");
    refused("{{ due|date('when') }}", "has no `%`", "\"%Y-%m-%d\"");
    refused("{{ due|date('%H:%i') }}", "`%i` in the pattern", "write \"%H:%M\"");
    refused("{{ due|date('%d.%m.%') }}", "ends within a %", "");
    refused("{{ due|date('%x', from='DD/MM/YYYY') }}", "has no `%`", "write \"%d/%m/%Y\"");
    Case::csv("{{ due|date('%-d. %B') }}", &[("due", "2026-12-24")]).gives("24. December");
}

#[test]
fn what_people_write_in_jinja2_is_rendered() {
    let row = [("f", "2.5"), ("s", "\"Ann\""), ("i", "3"), ("l", "[1, 2]"), ("o", "{\"a\": 1}")];
    let gives = |template: &str, want: &str| Case::json(template, &row).gives(want);
    gives(
        "{{ '%.2f' % f }} {{ '%s-%s' % (s, i) }} {{ '%d%%' % i }} {{ ('%s' % s)|upper ~ '!' }}",
        "2.50 Ann-3 3% ANN!",
    );
    gives("{% for x in l %}{{ loop.previtem }}>{{ x }}>{{ loop.nextitem }};{% endfor %}", ">1>2;1>2>;");
    gives(
        "{% macro m(a, b='d', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2, c=3) }}",
        "[1d1][123]",
    );
    gives("[{{ l[9] }}{{ [] |first }}{{ o.b }}{{ o['c'] }}{{ s.x }}{{ o|attr('q') }}]", "[]");
    Case::json("{% macro m(a, c=a + 1) %}{{ c }}{% endmacro %}{{ m(1) }}", &row)
        .refuses("t.txt:1:17: a default that is computed from another argument");
    Case::json("{{ o.b.c }}", &row).fails("t.txt, line 1, column 1: `o.b.c`: undefined value");
}

#[test]
fn an_error_of_a_row_says_where_it_is() {
    let row = [("first name", "x"), ("n", "5")];
    let fails = |template: &str, want: &str| Case::csv(template, &row).fails(want);
    fails(
        "Hi\n  {{ n|default(1) }} {{ row['first name']|int }}",
        "t.txt, line 2, column 22: `row['first name']|int`: ",
    );
    fails(
        "{% set a = n %}{% if a == 'x' or a < n.split('.') %}{% endif %}",
        "t.txt, line 1, column 16: `if a == 'x' or a < n.split('.')`: ",
    );
    Case::csv("{% include 'a.txt' %}", &row)
        .files(&[("a.txt", "\n {{ n }}{{ first_name|int }}")])
        .fails("a.txt, line 2, column 9: `first_name|int`");
}
