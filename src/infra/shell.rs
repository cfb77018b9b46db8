//! Words for a shell that stay one word, whatever is in them.
//!
//! Which commands are written belongs to `gcloud` and `rollback`.

/// The text as one word of a POSIX shell, in which nothing is expanded.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `name=value` as one word.
pub fn option(name: &str, value: &str) -> String {
    format!("{name}={}", quote(value))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quote;

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        let hostile = "a'b \"c\" $(touch /dev/null) `id` \\ ; & | \n ' x";
        let script = format!("printf %s {}", quote(hostile));
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), hostile);
    }
}
