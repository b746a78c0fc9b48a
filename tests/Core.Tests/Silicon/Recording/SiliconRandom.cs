using System.Numerics;

namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// The one source of chance of the silicon vectors: SplitMix64, our own few lines, so that the recorder and the test
/// (and a test ten runtimes from now) draw exactly the same inputs from the same seed.
/// </summary>
internal sealed class SiliconRandom(ulong seed)
{
    // Where carries are born, signs turn over and counts wrap.
    private static readonly uint[] s_corners =
    [
        0, 1, 2, 3, 0x0F, 0x10, 0x1F, 0x20, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x100, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF,
        0x10000, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFF8000, 0xFFFFFF80, 0xFFFFFFFE, 0xFFFFFFFF, 0x55555555, 0xAAAAAAAA,
        0x0F0F0F0F, 0x01010101,
    ];

    private ulong _state = seed;

    public ulong Next64()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public uint Next() => (uint)(Next64() >> 32);

    /// <summary>Uniform in [0, <paramref name="limit"/>).</summary>
    public int Below(int limit) => (int)(((ulong)Next() * (uint)limit) >> 32);

    /// <summary>Uniform in [<paramref name="first"/>, <paramref name="last"/>].</summary>
    public int Between(int first, int last) => first + Below(last - first + 1);

    /// <summary>True once in <paramref name="n"/> times.</summary>
    public bool OneIn(int n) => Below(n) == 0;

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    /// <summary>An operand of <paramref name="size"/> bytes (1, 2 or 4): noise half of the time, else a value somebody gets wrong.</summary>
    public uint Operand(int size)
    {
        int bits = size * 8;
        uint value = Below(8) switch
        {
            0 => s_corners[Below(s_corners.Length)],
            1 => (uint)Below(64),
            2 => (1u << Below(bits)) + (uint)Below(3) - 1,
            3 => BitOperations.RotateLeft(uint.MaxValue >> Below(32), Below(32)),
            _ => Next(),
        };
        return size == 4 ? value : value & ((1u << bits) - 1);
    }

    public void Fill(Span<byte> bytes)
    {
        int i = 0;
        for (; i + 8 <= bytes.Length; i += 8)
        {
            BitConverter.TryWriteBytes(bytes[i..], Next64());
        }

        for (; i < bytes.Length; i++)
        {
            bytes[i] = (byte)Next();
        }
    }

    /// <summary>FNV-1a, 64 bits: seeds by name, and digests of what was drawn.</summary>
    public static ulong Hash(ReadOnlySpan<byte> bytes, ulong start = 0xCBF29CE484222325)
    {
        foreach (byte b in bytes)
        {
            start = (start ^ b) * 0x100000001B3;
        }

        return start;
    }
}
