//! Pictures that an element brings beside its own, where pictures go along.

use super::*;

#[test]
fn pictures_for_other_screens_go_along_or_are_left_out() {
    let wanted = Treatment { embed_images: true, ..Treatment::default() };
    let dropped = |at| vec![("srcset", Some((1, at)))];
    for (page, made, told) in [
        ("<img srcset=\"logo.png 1x, x2.png 2x\" src=\"logo.png\">", "<img src=\"cid:logo-1.png\">", dropped(14)),
        (
            "<img src=\"logo.png\" srcset=\"x2.png 2x, https://i.example/3.png 3x\">",
            "<img src=\"cid:logo-1.png\" srcset=\"https://i.example/3.png 3x\">",
            dropped(29),
        ),
        (
            "<img src=\"https://i.example/1.png\" srcset=\"logo.png 1x,a%20b.png 2x\">",
            "<img src=\"https://i.example/1.png\" srcset=\"cid:logo-1.png 1x,cid:a-b-2.png 2x\">",
            vec![],
        ),
        (
            "<picture><source srcset=\"a%20b.png\" media=\"(prefers-color-scheme: dark)\"><img src=\"logo.png\"></picture>",
            "<picture><source srcset=\"cid:a-b-1.png\" media=\"(prefers-color-scheme: dark)\"><img src=\"cid:logo-2.png\"></picture>",
            vec![],
        ),
        (
            "<img src=\"logo.png\" srcset=\"{{ url }} 2x\">",
            "<img src=\"cid:logo-1.png\" srcset=\"{{ url }} 2x\">",
            vec![],
        ),
        (
            "<img src=\"logo.png\" srcset=\"{% if n %}x2.png 2x{% endif %}\">",
            "<img src=\"cid:logo-1.png\" srcset=\"{% if n %}x2.png 2x{% endif %}\">",
            dropped(29),
        ),
        (
            "<style>@font-face{src:url(f.woff)}p{background:URL('logo.png')}</style><p>x",
            "<style>@font-face{src:url(f.woff)}p{background:URL('cid:logo-1.png')}</style><p>x",
            vec![],
        ),
    ] {
        let mut spec = spec("w.html", page);
        let notes = treat(&mut spec, &wanted, &mut shelf()).notes;
        assert_eq!(spec.errors, [], "{page}");
        assert_eq!(spec.html.unwrap().text, made);
        assert_eq!(notes.iter().map(|note| (note.check, note.position)).collect::<Vec<_>>(), told, "{page}");
    }
    let errors = errors_of("w.html", "<p>\n<picture><source srcset=\"logo.png, none.png 2x\"></picture>", &wanted);
    assert!(errors.len() == 1 && errors[0].starts_with("w.html:2:36: the picture `none.png`"), "{errors:?}");
}

#[test]
fn pictures_that_go_along_are_not_looked_for_on_the_web() {
    let wanted =
        Treatment { embed_images: true, base_url: Some("https://acme.example".into()), ..Treatment::default() };
    let page = "<a href=x><picture><source srcset=\"logo.png\"><img src=\"https://i.example/1.png\"></picture></a>";
    let made = html_of(page, &wanted);
    assert!(made.contains("srcset=\"cid:logo-1.png\"") && made.contains("href=\"https://acme.example/x\""), "{made}");
    let based = Treatment { embed_images: false, ..wanted };
    for (page, made) in [
        (page.to_owned(), "srcset=\"https://acme.example/logo.png\""),
        (
            "<img src=x srcset='a.png,b.png 2x,c.png 3x'>".to_owned(),
            "srcset='https://acme.example/a.png,b.png 2x,https://acme.example/c.png 3x'",
        ),
    ] {
        let html = html_of(&page, &based);
        assert!(html.contains(made), "{html}");
    }
}
