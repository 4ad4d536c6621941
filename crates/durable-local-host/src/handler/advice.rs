//! What to do about a handler that the system does not start.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

use crate::display::one_line;

/// Why a program that is there could not be started, and what to do about it.
pub(super) fn advice(program: &Path, error: &Error) -> String {
    if !program.is_file() {
        return String::new();
    }
    if is_wrong_format(error) {
        return "it is no program for this system; a script needs a first line with its interpreter, such as `#!/bin/sh`".to_owned();
    }
    match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("make it executable: `chmod +x {}`", program.display())
        }
        ErrorKind::NotFound => match interpreter(program) {
            Some(name) if name.ends_with('\r') => {
                "its lines end as on Windows, so the interpreter in its first line is not found: let them end with a line feed alone".to_owned()
            }
            Some(name) => format!(
                "the file is there, but the interpreter in its first line, `{}`, is missing",
                one_line(&name)
            ),
            None => "the file is there, but the loader that it asks for is missing: it was built for another system".to_owned(),
        },
        _ => String::new(),
    }
}

#[cfg(unix)]
fn is_wrong_format(error: &Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

#[cfg(not(unix))]
fn is_wrong_format(_: &Error) -> bool {
    false
}

/// The interpreter that the first line of a script names.
fn interpreter(program: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(program)
        .and_then(|file| file.take(256).read_to_end(&mut start))
        .ok()?;
    let text = String::from_utf8_lossy(&start);
    let line = text.strip_prefix("#!")?.split('\n').next()?;
    let name = line.trim_start_matches([' ', '\t']);
    Some(name.split([' ', '\t']).next()?.to_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    fn told(text: &str, mode: u32) -> String {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("run.sh");
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        let error = Command::new(&program).current_dir("/").spawn().unwrap_err();
        advice(&program, &error)
    }

    #[test]
    fn what_keeps_a_file_from_running_is_told() {
        assert!(told("#!/bin/sh\n", 0o644).contains("chmod +x /"));
        let missing = told("#! /no/such/python3 -u\n", 0o755);
        assert!(
            missing.contains("`/no/such/python3`, is missing"),
            "{missing}"
        );
        assert!(told("#!/bin/sh\r\necho\r\n", 0o755).contains("as on Windows"));
        assert!(told("\u{0}\u{1}\u{2}", 0o755).contains("no program for this system"));
    }

    #[test]
    fn nothing_is_said_of_what_is_not_there() {
        let error = Error::from(ErrorKind::NotFound);
        assert_eq!(advice(Path::new("/no/such/program"), &error), "");
    }
}
