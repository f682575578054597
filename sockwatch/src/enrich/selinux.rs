//! Whether the kernel labels processes and sockets: SELinux. Reads no label.

/// Where selinuxfs is mounted.
const MOUNT: &str = "/sys/fs/selinux";

/// `SELINUX_MAGIC` (`include/uapi/linux/magic.h`).
const MAGIC: u32 = 0xf97c_ff8c;

/// Whether SELinux is there, and has been set up.
pub fn is_enabled() -> bool {
    // The kernel's number is as wide as its words are, and may have a sign.
    let is_it =
        |number: rustix::fs::FsWord| number & 0xffff_ffff == rustix::fs::FsWord::from(MAGIC);
    rustix::fs::statfs(MOUNT).is_ok_and(|mounted| is_it(mounted.f_type))
}
