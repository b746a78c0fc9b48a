using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.Simd.Floating;
using Lguest.Jit.Core.Tests.Silicon.Recording;

namespace Lguest.Jit.Core.Tests.Simd;

/// <summary>What other Hosts compute by hand is what x64 has instructions for.</summary>
public class PortableVectorTests
{
    private const int Rounds = 10_000;

    [Fact]
    public void Integer_operations_agree_with_the_hosts()
    {
        if (!Sse2.IsSupported)
        {
            return;
        }

        var random = new SiliconRandom(1);
        for (int i = 0; i < Rounds; i++)
        {
            Vector128<byte> a = Draw(random);
            Vector128<byte> b = random.OneIn(8) ? a : Draw(random);
            Assert.Equal(Sse2.MultiplyHigh(a.AsInt16(), b.AsInt16()), PortableVector.MultiplyHigh(a.AsInt16(), b.AsInt16()));
            Assert.Equal(Sse2.MultiplyHigh(a.AsUInt16(), b.AsUInt16()), PortableVector.MultiplyHigh(a.AsUInt16(), b.AsUInt16()));
            Assert.Equal(Sse2.Average(a, b), PortableVector.Average(a, b));
            Assert.Equal(Sse2.Average(a.AsUInt16(), b.AsUInt16()), PortableVector.Average(a.AsUInt16(), b.AsUInt16()));
            Assert.Equal(Sse2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16()), PortableVector.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16()));
            Assert.Equal(Sse2.SumAbsoluteDifferences(a, b).AsUInt64(), PortableVector.SumAbsoluteDifferences(a, b));
            Assert.Equal(Sse2.UnpackLow(a, b), PortableVector.Interleave(a, b, 0));
            Assert.Equal(Sse2.UnpackHigh(a.AsInt16(), b.AsInt16()), PortableVector.Interleave(a.AsInt16(), b.AsInt16(), 4));
            Assert.Equal(Sse2.UnpackHigh(a.AsUInt32(), b.AsUInt32()), PortableVector.Interleave(a.AsUInt32(), b.AsUInt32(), 2));
            Assert.Equal(Sse2.UnpackHigh(a.AsUInt64(), b.AsUInt64()), PortableVector.Interleave(a.AsUInt64(), b.AsUInt64(), 1));
        }
    }

    [Fact]
    public void Reciprocal_estimates_keep_their_promise_of_twelve_bits()
    {
        const double Promise = 1.5 / 4096;
        var random = new SiliconRandom(2);
        for (int i = 0; i < Rounds; i++)
        {
            float value = BitConverter.UInt32BitsToSingle((random.Next() & 0x007F_FFFF) | ((uint)random.Between(2, 252) << 23));
            Vector128<byte> bits = Vector128.Create(value).AsByte();
            foreach (Vector128<byte> estimate in (Vector128<byte>[])[Rcpps.Portable(bits), Rcpps.Apply(bits, bits)])
            {
                Assert.InRange(estimate.AsSingle()[0] * (double)value - 1, -Promise, Promise);
            }

            foreach (Vector128<byte> estimate in (Vector128<byte>[])[Rsqrtps.Portable(bits), Rsqrtps.Apply(bits, bits)])
            {
                Assert.InRange(estimate.AsSingle()[0] * Math.Sqrt(value) - 1, -Promise, Promise);
            }
        }
    }

    [Theory]
    [InlineData(0u, 0x7F800000u, 0x7F800000u)]
    [InlineData(0x80000001u, 0xFF800000u, 0xFF800000u)]
    [InlineData(0x7F800000u, 0u, 0u)]
    [InlineData(0x7F800001u, 0x7FC00001u, 0x7FC00001u)]
    public void Reciprocal_estimates_of_unusual_numbers(uint value, uint reciprocal, uint root)
    {
        Vector128<byte> bits = Vector128.Create(value).AsByte();
        Assert.Equal(reciprocal, Rcpps.Portable(bits).AsUInt32()[0]);
        Assert.Equal(root, Rsqrtps.Portable(bits).AsUInt32()[0]);
    }

    private static Vector128<byte> Draw(SiliconRandom random) =>
        Vector128.Create(random.Operand(4), random.Operand(4), random.Operand(4), random.Operand(4)).AsByte();
}
