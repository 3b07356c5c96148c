//! Character references in attributes: `&copy` at the end of a name without `;` is one in a text, and none in an attribute
//! where a name, a number or a value goes on behind it, as in `?price=1&copy=2` (HTML standard, named character reference
//! state).
//!
//! Guarantees: what is written comes to the same in a text as the value did in its attribute. Leaves to others: decoding.

/// Names that are read without `;`, too.
const WITHOUT_SEMICOLON: &str = "AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute \
     Icirc Igrave Iuml LT Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave \
     Uuml Yacute aacute acirc acute aelig agrave amp aring atilde auml brvbar ccedil cedil cent copy curren \
     deg divide eacute ecirc egrave eth euml frac12 frac14 frac34 gt iacute icirc iexcl igrave iquest iuml \
     laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm oslash otilde ouml para plusmn \
     pound quot raquo reg sect shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml uuml yacute yen \
     yuml";

/// The value of an attribute as a text says it.
pub(super) fn as_text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut parts = value.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str(if is_plain(part) { "&amp;" } else { "&" });
        out.push_str(part);
    }
    out
}

/// Whether the `&` before this is one, and begins no reference.
fn is_plain(behind: &str) -> bool {
    let length = behind.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (name, rest) = behind.split_at(length);
    let is_whole = || WITHOUT_SEMICOLON.split(' ').any(|known| known == name);
    length > 0 && !rest.starts_with(';') && (rest.starts_with('=') || !is_whole())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_goes_on_is_no_reference() {
        for (value, text) in [
            ("?price=1&currency=EUR&region=eu&section=2", "?price=1&amp;currency=EUR&amp;region=eu&amp;section=2"),
            ("?a&copy=1&not2&reg", "?a&amp;copy=1&amp;not2&reg"),
            ("a&amp;b&copy;c&#38;d&copy e&copy", "a&amp;b&copy;c&#38;d&copy e&copy"),
            ("&amp=1&=&", "&amp;amp=1&=&"),
            ("", ""),
        ] {
            assert_eq!(as_text(value), text, "{value}");
        }
    }
}
