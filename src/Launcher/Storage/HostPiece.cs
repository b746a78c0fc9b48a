using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>A piece of the Host's memory to read into or to write from; laid out as <c>struct iovec</c>.</summary>
/// <remarks>
/// Invariant for everyone who holds one: it lies in Guest RAM (whose mapping outlives all requests, see
/// <see cref="Pci.MachineDevices.Dispose"/>) or in memory that the holder has pinned.
/// </remarks>
/// <param name="Address">First byte.</param>
/// <param name="Length">Bytes; may be 0.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct HostPiece(nint Address, nuint Length)
{
    /// <summary>The bytes, as long as they fit into a span.</summary>
    public unsafe Span<byte> Bytes => new((void*)Address, checked((int)Length));

    /// <summary>All bytes of all pieces.</summary>
    public static ulong Total(ReadOnlySpan<HostPiece> pieces)
    {
        ulong total = 0;
        foreach (HostPiece piece in pieces)
        {
            total += piece.Length;
        }

        return total;
    }

    /// <summary>The <paramref name="length"/> bytes that begin <paramref name="skip"/> bytes into <paramref name="pieces"/>, as pieces.</summary>
    /// <param name="pieces">Long enough.</param>
    /// <param name="skip">Bytes.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="slice">Has room for as many pieces as there are.</param>
    /// <returns>The filled part of <paramref name="slice"/>.</returns>
    public static Span<HostPiece> Slice(ReadOnlySpan<HostPiece> pieces, ulong skip, ulong length, Span<HostPiece> slice)
    {
        int count = 0;
        foreach (HostPiece piece in pieces)
        {
            if (length == 0)
            {
                break;
            }

            if (skip >= piece.Length)
            {
                skip -= piece.Length;
                continue;
            }

            ulong taken = Math.Min(piece.Length - skip, length);
            slice[count++] = new HostPiece(piece.Address + (nint)skip, (nuint)taken);
            length -= taken;
            skip = 0;
        }

        return slice[..count];
    }
}
