//! Names as SQL writes them: quoting them, and taking apart what PostgreSQL has written with quotes already.

/// The words that PostgreSQL 13 to 18 does not take for a name everywhere, and those that name no role.
const KEYWORDS: &str = "all analyse analyze and any array as asc asymmetric authorization between bigint binary bit \
    boolean both case cast char character check coalesce collate collation column concurrently constraint create cross \
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal \
    default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full \
    grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull \
    join json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize \
    json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural \
    nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing \
    position precision primary public real references returning right row select session_user setof similar smallint \
    some substring symmetric system_user table tablesample then time timestamp to trailing treat trim true union unique \
    user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists \
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

/// A bare name, quoted unless it is plain and no keyword.
pub(super) fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_plain =
        name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit());
    if is_plain && !name.is_empty() && !KEYWORDS.split_whitespace().any(|word| word == name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// The bare name of one that is quoted where needed.
pub(super) fn bare(name: &str) -> String {
    let inner = name
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// A name with something at its end, cut so that PostgreSQL keeps all of it: names have at most 63 bytes.
pub(super) fn with_end(name: &str, end: &str) -> String {
    let mut short = bare(name);
    while short.len() + end.len() > 63 {
        short.pop();
    }
    quoted(&format!("{short}{end}"))
}

/// The text before and after the first `separator` that no double quotes enclose.
pub(super) fn split<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    split_outside(text, separator, '"')
}

/// The same where values in single quotes are what separators may be part of.
pub(super) fn split_outside<'a>(
    text: &'a str,
    separator: &str,
    quote: char,
) -> Option<(&'a str, &'a str)> {
    let mut enclosed = false;
    for (at, character) in text.char_indices() {
        if character == quote {
            // A quote within a quoted name is doubled: it leaves and enters again.
            enclosed = !enclosed;
        }
        if !enclosed && text[at..].starts_with(separator) {
            return Some((&text[..at], &text[at + separator.len()..]));
        }
    }
    None
}

/// The name of a function or operator that is written with its arguments: `public.area` of `public.area(integer, integer)`.
pub(super) fn without_arguments(signature: &str) -> &str {
    split(signature, "(").map_or(signature, |(name, _)| name.trim_end())
}

/// The arguments of a function or operator, with their parentheses: `(integer, integer)`.
pub(super) fn arguments(signature: &str) -> &str {
    signature[without_arguments(signature).len()..].trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_that_are_no_keywords_stay_unquoted() {
        assert_eq!(quoted("app_1"), "app_1");
        for (name, in_sql) in [
            ("App", "\"App\""),
            ("1st", "\"1st\""),
            ("a\"b", "\"a\"\"b\""),
            ("user", "\"user\""),
            ("public", "\"public\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(name), in_sql);
            assert_eq!(bare(in_sql), name);
        }
    }

    #[test]
    fn an_end_stays_whole_however_long_the_name_is() {
        assert_eq!(
            with_end("\"the \"\"one\"\"\"", "__old"),
            "\"the \"\"one\"\"__old\""
        );
        let long = with_end(&"å".repeat(31), "__old");
        assert_eq!(bare(&long), format!("{}__old", "å".repeat(29)));
    }

    #[test]
    fn what_stands_in_quotes_separates_nothing() {
        assert_eq!(
            split("\"x at server \"\"y\" at server z", " at server "),
            Some(("\"x at server \"\"y\"", "z"))
        );
        assert_eq!(split("a as b", " to "), None);
        assert_eq!(
            without_arguments("public.\"f(x\"(integer, text)"),
            "public.\"f(x\""
        );
        assert_eq!(arguments("public.+ (a, b)"), "(a, b)");
        assert_eq!(arguments("public.f(a)"), "(a)");
    }
}
