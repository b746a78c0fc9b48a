using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Deterministic;

/// <summary>
/// Everything that a Guest is, in a few words: two Guests with equal digests are taken to be equal. By part, so that
/// a difference says at once where to look.
/// </summary>
/// <param name="Instructions">Completed.</param>
/// <param name="Registers">General and segment registers, eip, flags, lguest's words.</param>
/// <param name="Tables">GDT and IDT.</param>
/// <param name="Fpu">x87.</param>
/// <param name="Lguest">What the Switcher remembers: interrupts due, ring, address space, clock; and death.</param>
/// <param name="Devices">Ports, PCI, virtio.</param>
/// <param name="Console">Bytes printed, and written to disks.</param>
/// <param name="Memory">RAM.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct GuestDigest(
    long Instructions, ulong Registers, ulong Tables, ulong Fpu, ulong Lguest, ulong Devices, ulong Console, ulong Memory)
{
    /// <summary>Bytes of one as plain data.</summary>
    public const int Size = 64;

    /// <summary>
    /// The hash that a run ends with, 32 hexadecimal digits: of what is the Guest's. What we remember of its devices and hypercalls is
    /// left out, because how we do that may change from one version to the next.
    /// </summary>
    public override string ToString()
    {
        GuestDigest copy = WithoutOurs();
        return Convert.ToHexStringLower(XxHash128.Hash(MemoryMarshal.AsBytes(new ReadOnlySpan<GuestDigest>(in copy))));
    }

    /// <summary>Only what is the Guest's own.</summary>
    public GuestDigest WithoutOurs() => this with { Lguest = 0, Devices = 0 };

    /// <summary>Names of the parts in which two differ.</summary>
    public IEnumerable<string> PartsUnlike(GuestDigest other)
    {
        (string Name, ulong Mine, ulong Theirs)[] parts =
        [
            ("instruction count", (ulong)Instructions, (ulong)other.Instructions),
            ("registers", Registers, other.Registers),
            ("descriptor tables", Tables, other.Tables),
            ("fpu", Fpu, other.Fpu),
            ("lguest state", Lguest, other.Lguest),
            ("devices", Devices, other.Devices),
            ("console and disk output", Console, other.Console),
            ("memory", Memory, other.Memory),
        ];
        return parts.Where(static part => part.Mine != part.Theirs).Select(static part => part.Name);
    }
}
