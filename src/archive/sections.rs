//! The SQL around the rows, from what pg_restore prints of the schema.

/// What is said before the rows, so that each value is read as it was written whatever role and database set: amounts of
/// money in another locale, intervals in another style.
pub const BEFORE_ROWS: &str = "
SET lc_monetary = 'C';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET xmloption = content;

";

/// What is said after the rows: views are filled with the settings that the database has.
pub const AFTER_ROWS: &str = "
RESET lc_monetary;
RESET datestyle;
RESET intervalstyle;

";

const RESTRICT: &[u8] = b"\\restrict ";
const UNRESTRICT: &[u8] = b"\\unrestrict ";

/// The two halves of a schema's SQL.
#[derive(Debug, PartialEq, Eq)]
pub struct Sections {
    /// What rows need.
    pub pre_data: Vec<u8>,
    /// What needs the rows.
    pub post_data: Vec<u8>,
}

impl Sections {
    /// Joins two scripts of pg_restore so that they can stand in one. Since 2025 (CVE-2025-8714) it wraps each script in
    /// `\restrict KEY` and `\unrestrict KEY`, between which psql runs no other command of its own: one pair holds for all.
    pub fn join(pre_data: &[u8], post_data: &[u8]) -> Self {
        let pre_key = key(pre_data, RESTRICT).map(<[u8]>::to_vec);
        let mut pre_lines = Vec::with_capacity(pre_data.len());
        let mut post_lines = Vec::with_capacity(post_data.len());
        for line in pre_data.split_inclusive(|byte| *byte == b'\n') {
            if !closes(line, pre_key.as_deref()) {
                pre_lines.extend_from_slice(line);
            }
        }
        let post_key = key(post_data, RESTRICT);
        let mut is_open = post_key.is_some();
        for line in post_data.split_inclusive(|byte| *byte == b'\n') {
            if is_open && line.starts_with(RESTRICT) {
                is_open = false;
            } else if !closes(line, post_key) {
                post_lines.extend_from_slice(line);
            }
        }
        if let Some(key) = pre_key {
            post_lines.extend_from_slice(UNRESTRICT);
            post_lines.extend_from_slice(&key);
            post_lines.push(b'\n');
        }
        Self {
            pre_data: pre_lines,
            post_data: post_lines,
        }
    }
}

/// The key of a script that begins with this command, behind comments and empty lines.
fn key<'a>(script: &'a [u8], command: &[u8]) -> Option<&'a [u8]> {
    script
        .split(|byte| *byte == b'\n')
        .find(|line| !line.is_empty() && !line.starts_with(b"--"))?
        .strip_prefix(command)
}

/// Whether the line ends what was begun with the key. The key is random, so that nothing else in a script can be that line.
fn closes(line: &[u8], key: Option<&[u8]>) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    key.is_some() && line.strip_prefix(UNRESTRICT) == key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_of_restrictions_holds_for_the_whole() {
        let joined = Sections::join(
            b"--\n-- head\n--\n\n\\restrict abc\n\nCREATE TABLE t ();\n\n\\unrestrict abc\n\n",
            b"--\n\n\\restrict def\n\nSELECT '\n\\restrict def\n';\n\n\\unrestrict def\n\n",
        );
        assert_eq!(
            joined.pre_data,
            b"--\n-- head\n--\n\n\\restrict abc\n\nCREATE TABLE t ();\n\n\n"
        );
        assert_eq!(
            joined.post_data,
            b"--\n\n\nSELECT '\n\\restrict def\n';\n\n\n\\unrestrict abc\n"
        );
    }

    #[test]
    fn scripts_of_older_tools_stay_as_they_are() {
        let joined = Sections::join(b"-- head\nSET a = 1;\n", b"-- tail\n");
        assert_eq!(joined.pre_data, b"-- head\nSET a = 1;\n");
        assert_eq!(joined.post_data, b"-- tail\n");
    }
}
