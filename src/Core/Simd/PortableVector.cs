using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lguest.Jit.Core.Simd;

/// <summary>
/// Operations that x64 has and .NET's portable vectors do not, for other Hosts: written out lane by lane. On x64 only tests
/// call them.
/// </summary>
internal static class PortableVector
{
    public delegate T Lane<T>(T left, T right);

    /// <summary>One lane at a time.</summary>
    public static Vector128<T> Map<T>(Vector128<T> left, Vector128<T> right, Lane<T> lane)
    {
        Vector128<T> result = left;
        for (int i = 0; i < Vector128<T>.Count; i++)
        {
            result = result.WithElement(i, lane(left[i], right[i]));
        }

        return result;
    }

    /// <summary>a0 b0 a1 b1 … of the lower (<paramref name="start"/> = 0) or upper halves.</summary>
    public static Vector128<T> Interleave<T>(Vector128<T> left, Vector128<T> right, int start)
    {
        Vector128<T> result = left;
        for (int i = 0; i < Vector128<T>.Count / 2; i++)
        {
            result = result.WithElement(2 * i, left[start + i]).WithElement(2 * i + 1, right[start + i]);
        }

        return result;
    }

    public static Vector128<short> MultiplyHigh(Vector128<short> left, Vector128<short> right) =>
        Map(left, right, static (a, b) => (short)((a * b) >> 16));

    public static Vector128<ushort> MultiplyHigh(Vector128<ushort> left, Vector128<ushort> right) =>
        Map(left, right, static (a, b) => (ushort)(((uint)a * b) >> 16));

    public static Vector128<byte> Average(Vector128<byte> left, Vector128<byte> right) =>
        Map(left, right, static (a, b) => (byte)((a + b + 1) >> 1));

    public static Vector128<ushort> Average(Vector128<ushort> left, Vector128<ushort> right) =>
        Map(left, right, static (a, b) => (ushort)((a + b + 1) >> 1));

    /// <summary>PMADDWD: only −32768² twice overflows, to 0x80000000.</summary>
    public static Vector128<int> MultiplyAddAdjacent(Vector128<short> left, Vector128<short> right)
    {
        Vector128<int> result = default;
        for (int i = 0; i < 4; i++)
        {
            result = result.WithElement(i, unchecked((left[2 * i] * right[2 * i]) + (left[2 * i + 1] * right[2 * i + 1])));
        }

        return result;
    }

    /// <summary>PSADBW: a sum for each half.</summary>
    public static Vector128<ulong> SumAbsoluteDifferences(Vector128<byte> left, Vector128<byte> right)
    {
        Vector128<ulong> result = default;
        for (int half = 0; half < 2; half++)
        {
            uint sum = 0;
            for (int i = 8 * half; i < 8 * half + 8; i++)
            {
                sum += (uint)Math.Abs(left[i] - right[i]);
            }

            result = result.WithElement(half, sum);
        }

        return result;
    }

    /// <summary>Moves the bytes up or, with a negative count, down; zeros come in. Counts of 16 and more leave nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> MoveBytes(Vector128<byte> value, int count)
    {
        UInt128 bits = Unsafe.BitCast<Vector128<byte>, UInt128>(value);
        if (Math.Abs(count) > 15)
        {
            return default;
        }

        return Unsafe.BitCast<UInt128, Vector128<byte>>(count >= 0 ? bits << (8 * count) : bits >> (-8 * count));
    }
}
