using System.Numerics;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// What a Guest gets in deterministic time: numbers that look random and follow from a seed (xoshiro256**, Blackman and Vigna 2018,
/// its state filled by SplitMix64). Keys that are made with them are anybody's.
/// </summary>
internal sealed class SeededEntropy : IEntropySource
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    /// <param name="seed">Any; each gives a sequence of its own.</param>
    public SeededEntropy(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    /// <inheritdoc/>
    /// <remarks>Each call begins with a new number: what a Guest gets depends on how it asks, and on nothing else.</remarks>
    public void Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ulong number = Next();
            int length = Math.Min(destination.Length, sizeof(ulong));
            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in number))[..length].CopyTo(destination);
            destination = destination[length..];
        }
    }

    /// <inheritdoc/>
    public void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _a);
        archive.Field(ref _b);
        archive.Field(ref _c);
        archive.Field(ref _d);
    }

    private ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        ulong t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
