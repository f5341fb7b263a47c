//! Which file system a directory lies on, by `/proc/self/mountinfo`.

use std::path::{Path, PathBuf};

/// A mounted file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is mounted.
    pub(super) point: PathBuf,
    /// Its type, such as `ext4`.
    pub(super) kind: String,
    /// The options of the mount and of the file system.
    pub(super) options: Vec<String>,
}

impl Mount {
    pub(super) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }
}

/// Finds the file system of a directory, whose path is absolute and has no links in it.
///
/// The lines are as in proc(5): six fields, optional ones, a hyphen, then type, source, options.
/// Of two mounts at one place the later one is on top.
pub(super) fn mount_of(directory: &Path, mountinfo: &str) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(mount);
    let above = mounts.filter(|mount| directory.starts_with(&mount.point));
    above.max_by_key(|mount| mount.point.components().count())
}

fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let (point, own) = (before.next()?, before.next()?);
    let mut after = after.split(' ');
    let kind = after.next()?;
    let shared = after.nth(1).unwrap_or_default();
    let options = own.split(',').chain(shared.split(',')).filter(|option| !option.is_empty());
    Some(Mount {
        point: PathBuf::from(unescaped(point)),
        kind: kind.to_owned(),
        options: options.map(str::to_owned).collect(),
    })
}

/// Blanks, tabs, line feeds and backslashes are written in octal.
fn unescaped(path: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(path.to_owned(), |path, (code, char)| path.replace(code, char))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,data=ordered
30 22 0:26 / /tmp rw,nosuid - tmpfs tmpfs rw,size=1g
31 22 254:2 / /srv/a\\040b rw master:5 shared:2 - xfs /dev/vdb rw,nobarrier
32 22 254:3 / /srv/a\\040b ro - btrfs /dev/vdc rw
nonsense";

    #[test]
    fn the_innermost_mount_counts_and_of_two_the_later() {
        let kind = |path: &str| mount_of(Path::new(path), TEXT).map(|mount| mount.kind);
        assert_eq!(kind("/var/lib").as_deref(), Some("ext4"));
        assert_eq!(kind("/tmp/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/tmpx").as_deref(), Some("ext4"));
        assert_eq!(kind("/srv/a b/c").as_deref(), Some("btrfs"));
        assert_eq!(mount_of(Path::new("/"), ""), None);
    }

    #[test]
    fn options_of_both_kinds_are_there() {
        let root = mount_of(Path::new("/x"), TEXT).unwrap();
        assert!(root.has("relatime") && root.has("data=ordered") && !root.has("ro"));
        assert!(mount_of(Path::new("/srv/a b"), TEXT).unwrap().has("ro"));
    }
}
