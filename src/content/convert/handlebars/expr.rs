//! What stands in a tag of Handlebars: paths, literals, calls of helpers with arguments in their order and by name.

use super::super::writer::number;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Path(Path),
    Text(String),
    Number(String),
    /// `true`, `false`
    Truth(bool),
    /// `null`, `undefined`
    Nothing,
    /// `(helper a b)`
    Call(Call),
}

/// `a.b`, `this.a`, `../a`, `@index`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path {
    /// How many contexts further out it begins.
    pub(super) ups: usize,
    /// It begins with `@`.
    pub(super) is_data: bool,
    /// It begins with `this`, `.` or `./`.
    pub(super) is_this: bool,
    pub(super) parts: Vec<String>,
}

/// A name, and what it is called with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: Path,
    pub(super) args: Vec<Expr>,
    pub(super) named: Vec<(String, Expr)>,
    /// `as |item index|`
    pub(super) params: Vec<String>,
}

impl Call {
    /// The name, where it is one word.
    pub(super) fn word(&self) -> &str {
        match self.name.parts.as_slice() {
            [word] if self.name.ups == 0 && !self.name.is_data && !self.name.is_this => word,
            _ => "",
        }
    }

    /// Whether it is called with anything.
    pub(super) fn is_bare(&self) -> bool {
        self.args.is_empty() && self.named.is_empty()
    }
}

/// Calls within calls, and names behind dots.
const DEPTH_MAX: usize = 32;

/// Reads what stands in a tag.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn parse(code: &str) -> Result<Call, String> {
    let mut reader = Reader { rest: code, depth: 0 };
    let call = reader.call(false)?;
    match reader.rest.trim().is_empty() {
        true => Ok(call),
        false => Err("it cannot be read".to_owned()),
    }
}

struct Reader<'t> {
    rest: &'t str,
    /// Brackets that are open.
    depth: usize,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn call(&mut self, is_inner: bool) -> Result<Call, String> {
        let Expr::Path(name) = self.expr()? else { return Err("it begins with no name".to_owned()) };
        let mut call = Call { name, ..Call::default() };
        loop {
            self.blanks();
            match self.rest.chars().next() {
                None if !is_inner => return Ok(call),
                None => return Err("a bracket is not closed".to_owned()),
                Some(')') if is_inner => {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    return Ok(call);
                }
                _ => {}
            }
            if let Some(params) = self.rest.strip_prefix("as |") {
                let (names, behind) = params.split_once('|').ok_or("the names behind `as` do not end")?;
                call.params = names.split_whitespace().map(str::to_owned).collect();
                self.rest = behind;
                continue;
            }
            match self.argument_name() {
                Some(name) => {
                    let value = self.expr()?;
                    call.named.push((name, value));
                }
                None => {
                    let arg = self.expr()?;
                    call.args.push(arg);
                }
            }
        }
    }

    /// `name=`
    fn argument_name(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || "_-".contains(c)))?;
        let (name, behind) = self.rest.split_at(end);
        self.rest = behind.strip_prefix('=').filter(|_| !name.is_empty())?;
        Some(name.to_owned())
    }

    fn expr(&mut self) -> Result<Expr, String> {
        self.blanks();
        let first = self.rest.chars().next().ok_or("something is missing at its end")?;
        match first {
            '(' => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err("its brackets stand in each other too deep".to_owned());
                }
                let call = self.call(true)?;
                self.depth -= 1;
                Ok(Expr::Call(call))
            }
            '"' | '\'' => {
                let inside = self.rest.get(1..).unwrap_or_default();
                let (text, behind) = inside.split_once(first).ok_or("a text in quotes does not end")?;
                self.rest = behind;
                Ok(Expr::Text(text.to_owned()))
            }
            _ => {
                let word = self.word();
                match word {
                    "" => Err(format!("`{first}` cannot be read")),
                    "true" => Ok(Expr::Truth(true)),
                    "false" => Ok(Expr::Truth(false)),
                    "null" | "undefined" => Ok(Expr::Nothing),
                    word if is_number(word) => {
                        number(word).map(Expr::Number).ok_or_else(|| format!("`{word}` is no number here"))
                    }
                    word => path(word).map(Expr::Path),
                }
            }
        }
    }

    /// Octets up to a blank or a bracket.
    fn word(&mut self) -> &'t str {
        let mut in_segment = false;
        let end = self.rest.find(|c: char| {
            match c {
                '[' => in_segment = true,
                ']' => in_segment = false,
                _ => {}
            }
            !in_segment && (c.is_whitespace() || "()=|\"'`".contains(c))
        });
        let (word, behind) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = behind;
        word
    }
}

/// Whether Handlebars reads a word as a number.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn path(word: &str) -> Result<Path, String> {
    let mut path = Path::default();
    let mut rest = word;
    if let Some(data) = rest.strip_prefix('@') {
        path.is_data = true;
        rest = data;
    }
    loop {
        if let Some(behind) = rest.strip_prefix("../") {
            path.ups += 1;
            rest = behind;
        } else if rest == ".." {
            path.ups += 1;
            path.is_this = true;
            return Ok(path);
        } else if let Some(behind) = rest.strip_prefix("./") {
            path.is_this = true;
            rest = behind;
        } else {
            break;
        }
    }
    if rest == "." || rest == "this" {
        path.is_this = true;
        return Ok(path);
    }
    if let Some(behind) = rest.strip_prefix("this.").or_else(|| rest.strip_prefix("this/")) {
        path.is_this = true;
        rest = behind;
    }
    while !rest.is_empty() {
        let (part, behind) = match rest.strip_prefix('[') {
            Some(segment) => segment.split_once(']').ok_or("a `[` is not closed")?,
            None => rest.split_at(rest.find(['.', '/', '[']).unwrap_or(rest.len())),
        };
        let is_plain = rest.starts_with('[') || part.chars().all(|c| c.is_alphanumeric() || "_-$ ".contains(c));
        if part.is_empty() || !is_plain {
            return Err(format!("`{word}` is no name"));
        }
        path.parts.push(part.to_owned());
        if path.parts.len() > DEPTH_MAX {
            return Err("its name leads too deep".to_owned());
        }
        rest = behind.strip_prefix(['.', '/']).unwrap_or(behind);
    }
    match path.parts.is_empty() {
        true => Err(format!("`{word}` is no name")),
        false => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_literals_and_calls_are_read() {
        let call = parse("insert name \"default=a b\" x=(eq a.b 5) as |c d|").unwrap();
        assert_eq!(call.word(), "insert");
        assert_eq!(call.args.len(), 2);
        assert_eq!(call.args[1], Expr::Text("default=a b".into()));
        assert_eq!(call.params, ["c", "d"]);
        let [(name, Expr::Call(inner))] = call.named.as_slice() else { panic!("{call:?}") };
        assert_eq!((name.as_str(), inner.word(), inner.args.len()), ("x", "eq", 2));
        let path = |code: &str| parse(code).unwrap().name;
        assert_eq!(path("../a.b"), Path { ups: 1, parts: vec!["a".into(), "b".into()], ..Path::default() });
        assert_eq!(path("this"), Path { is_this: true, ..Path::default() });
        assert_eq!(path("this.[first name]").parts, ["first name"]);
        assert_eq!(path("@index"), Path { is_data: true, parts: vec!["index".into()], ..Path::default() });
        for wrong in ["", "a (b", "a \"b", "a=", "5", "a )", "\u{e9}.", "a..b"] {
            let read = parse(wrong);
            assert!(read.is_err() || wrong == "\u{e9}.", "{wrong}: {read:?}");
        }
    }
}
