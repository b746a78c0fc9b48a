using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Flags;

/// <summary>What a trap's frame says of flags that nobody has looked at yet.</summary>
public sealed unsafe class DeferredStatusTests
{
    private static readonly uint[] s_corners = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x10, 0xF];

    public static TheoryData<int> Kinds => [.. Enumerable.Range(FlagKind.Memory, FlagKind.Sar32 + 1)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_is_what_they_come_to_and_nothing_is_lost(int kind)
    {
        var random = new Random(kind);
        List<(uint A, uint B)> operands = [.. from a in s_corners from b in s_corners select (a, b)];
        operands.AddRange(Enumerable.Range(0, 2_000).Select(_ => ((uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32))));
        foreach ((uint a, uint second) in operands)
        {
            // Shift counts are 1 to 31, and an image has nothing but OF and CF in its second operand.
            uint b = kind >= FlagKind.Shl8 ? (second % 31) + 1 : kind == FlagKind.Image ? (second & 1) | (a << 31) : second;
            GuestCpu plain = Cpu(kind, a, b);
            DeferredFlags.Settle(&plain);
            uint expected = LazyFlags.Materialise(&plain);

            GuestCpu asked = Cpu(kind, a, b);
            Assert.Equal(expected, DeferredFlags.Status(&asked));
            Assert.InRange(asked.FlagsKind, FlagKind.FirstCarryNormal, FlagKind.LastCarryNormal);
            Assert.Equal(expected & Eflags.Carry, DeferredFlags.Carry(&asked, asked.FlagsKind, asked.FlagsA, asked.FlagsB) >> 31);
            DeferredFlags.Settle(&asked);
            Assert.Equal(expected, LazyFlags.Materialise(&asked));
        }
    }

    private static GuestCpu Cpu(int kind, uint a, uint b)
    {
        GuestCpu cpu = default;
        cpu.FlagsKind = kind;
        cpu.FlagsA = a;
        cpu.FlagsB = b;
        cpu.FlagsResult = kind == FlagKind.Memory ? a : 0x1234_5678;
        cpu.FlagsAux = kind == FlagKind.Memory ? b : 0x8765_4321;
        return cpu;
    }
}
