"""Renders templates with Jinja2: reads a JSON list of cases, writes a JSON list of results; null where Jinja2 refuses."""
import json
import sys

import jinja2

given = json.load(sys.stdin)
environments = {
    html: jinja2.Environment(
        autoescape=html,
        loader=jinja2.DictLoader(given["files"]),
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
    )
    for html in (False, True)
}


def result(case):
    try:
        return environments[case["html"]].from_string(case["template"]).render(case["row"])
    except Exception:
        return None


json.dump([result(case) for case in given["cases"]], sys.stdout)
