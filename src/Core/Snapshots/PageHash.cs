using System.IO.Hashing;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Core.Snapshots;

/// <summary>
/// The hash of RAM: a sum over its pages, so that it can be kept up to date page by page. A page of zeroes adds nothing, whatever
/// its number: memory that nobody has touched need not be looked at.
/// </summary>
internal static unsafe class PageHash
{
    private static readonly ulong s_zeroes = XxHash3.HashToUInt64(new byte[GuestRam.PageSize]);

    /// <summary>What the page at <paramref name="page"/> in frame <paramref name="frame"/> adds to the sum.</summary>
    public static ulong Of(byte* page, uint frame)
    {
        ulong hash = XxHash3.HashToUInt64(new ReadOnlySpan<byte>(page, GuestRam.PageSize)) - s_zeroes;

        // Multiplying by an odd number loses nothing, and makes it matter which page has which contents.
        return hash * ((frame * 0x9E3779B97F4A7C15UL << 1) | 1);
    }

    /// <summary>All of RAM, page by page.</summary>
    public static ulong OfAll(GuestRam ram)
    {
        ulong sum = 0;
        for (uint frame = 0; frame < ram.Size / GuestRam.PageSize; frame++)
        {
            sum += Of(ram.Base + (ulong)frame * GuestRam.PageSize, frame);
        }

        return sum;
    }
}
