using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// The sum of ones' complements that IP, TCP and UDP use (RFC 1071). Words are taken as they lie in memory: the sum does
/// not mind their byte order as long as it is put back in the same.
/// </summary>
internal static class InternetChecksum
{
    /// <summary>Adds bytes to a sum; those before them were even in number.</summary>
    /// <returns>A sum of at most 16 bits.</returns>
    public static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        // Halves of 32 bits into lanes of 64: no carry is lost before 2^32 of them have been added.
        ulong total = sum;
        ReadOnlySpan<Vector<ulong>> vectors = MemoryMarshal.Cast<byte, Vector<ulong>>(bytes);
        var low = Vector<ulong>.Zero;
        var high = Vector<ulong>.Zero;
        var mask = new Vector<ulong>(0xFFFFFFFF);
        foreach (Vector<ulong> vector in vectors)
        {
            low += vector & mask;
            high += Vector.ShiftRightLogical(vector, 32);
        }

        total += Fold(Vector.Sum(low)) + Fold(Vector.Sum(high));
        bytes = bytes[(vectors.Length * Vector<byte>.Count)..];
        while (bytes.Length >= 2)
        {
            total += MemoryMarshal.Read<ushort>(bytes);
            bytes = bytes[2..];
        }

        if (!bytes.IsEmpty)
        {
            // The missing byte is zero, and stands behind.
            Span<byte> last = [bytes[0], 0];
            total += MemoryMarshal.Read<ushort>(last);
        }

        return Fold(total);
    }

    /// <summary>Adds bytes that lie in two pieces.</summary>
    public static uint Add(uint sum, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        sum = Add(sum, first);
        uint rest = Add(0, second);

        // Behind an odd number of bytes each byte of the rest is the other half of its word.
        return Fold(sum + (ulong)((first.Length & 1) == 0 ? rest : BinaryPrimitives.ReverseEndianness((ushort)rest)));
    }

    /// <summary>What TCP and UDP add of the IP header: addresses, protocol, length.</summary>
    /// <param name="addresses">Source and destination, as they stand in the header.</param>
    /// <param name="protocol">6 or 17.</param>
    /// <param name="length">Of header and payload.</param>
    public static uint PseudoHeader(ReadOnlySpan<byte> addresses, byte protocol, int length)
    {
        Span<byte> rest = [0, protocol, (byte)(length >> 8), (byte)length];
        return Add(Add(0, addresses), rest);
    }

    /// <summary>What belongs into the header, to be written with <see cref="Store"/>.</summary>
    public static ushort Finish(uint sum) => (ushort)~sum;

    /// <summary>Writes a finished sum as it lies in memory. 0 means "no checksum" to UDP, and all ones is the same number.</summary>
    public static void Store(Span<byte> field, ushort checksum)
    {
        ushort stored = checksum == 0 ? (ushort)0xFFFF : checksum;
        MemoryMarshal.Write(field, in stored);
    }

    private static uint Fold(ulong sum)
    {
        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (uint)sum;
    }
}
