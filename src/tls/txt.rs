//! TXT records that announce something about a domain's mail: `v=NAME; field=value; …` (RFC 8461 §3.1, RFC 8460 §3).

/// The fields behind the version of the one record that begins with it, blanks around them cut off. Records of anything
/// else are passed over; `None` unless exactly one is left.
pub(super) fn fields<'r, S: AsRef<str>>(records: &'r [S], version: &str) -> Option<Vec<&'r str>> {
    let mut ours = records.iter().filter_map(|record| {
        let rest = record.as_ref().strip_prefix(version)?;
        rest.trim_start_matches([' ', '\t']).strip_prefix(';')
    });
    let (one, another) = (ours.next()?, ours.next());
    let fields = one.split(';').map(|field| field.trim_matches([' ', '\t'])).filter(|field| !field.is_empty());
    another.is_none().then(|| fields.collect())
}
