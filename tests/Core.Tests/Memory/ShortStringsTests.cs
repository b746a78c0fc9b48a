using Lguest.Jit.Core.Interpreter.Strings;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Tests.Machine;

namespace Lguest.Jit.Core.Tests.Memory;

/// <summary>Short copies and fills: all of it within a page that may be touched, or nothing.</summary>
public sealed unsafe class ShortStringsTests : IDisposable
{
    private const uint Directory = 0x8000;
    private const uint Table = 0x9000;
    private const uint First = 0x5000;
    private const uint Second = 0x6000;
    private const uint ReadOnly = 0x7000;
    private const uint FirstFrame = 0x14000;
    private const uint SecondFrame = 0x12000;
    private const uint ReadOnlyFrame = 0x16000;

    private readonly GuestMachine _machine = new(2 << 20, new NoClock());

    public ShortStringsTests()
    {
        Write(Directory, Table | 7);
        Write(Table + (5 * 4), FirstFrame | 7);
        Write(Table + (6 * 4), SecondFrame | 7);
        Write(Table + (7 * 4), ReadOnlyFrame | 5);
        for (uint i = 0; i < 0x3000; i += 4)
        {
            Write(SecondFrame + i, (i * 0x9E3779B1) + 7);
            Write(FirstFrame + i, (i * 0x85EBCA77) + 3);
        }

        _machine.Mmu.SetPageDirectory(_machine.Cpu, Directory, trusted: true);
        _machine.Cpu->Cpl = 3;
        _machine.Mmu.Activate(_machine.Cpu);
        Assert.True(ColdAccess.Write(_machine.Cpu, First, 4, 1) && ColdAccess.Write(_machine.Cpu, Second, 4, 2) && ColdAccess.Read(_machine.Cpu, ReadOnly, 4, out _));
    }

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Copies_and_fills_of_any_length_touch_what_they_are_to_touch(int shift)
    {
        for (uint elements = 1; elements < 140; elements++)
        {
            byte[] expected = Frames();
            int bytes = (int)elements << shift;
            expected.AsSpan(0x2000 + 0x123, bytes).CopyTo(expected.AsSpan(0x777));
            Assert.True(ShortStrings.TryMove(_machine.Cpu, First + 0x123, Second + 0x777, elements, shift));
            Assert.Equal(expected, Frames());
            if (shift == 2)
            {
                uint value = 0x01020304 * elements;
                System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(expected.AsSpan(0x998, bytes)).Fill(value);
                Assert.True(ShortStrings.TryFill(_machine.Cpu, value, Second + 0x998, elements));
                Assert.Equal(expected, Frames());
            }
        }
    }

    [Theory]
    [InlineData(First, Second, 1024u, 2, true)]
    [InlineData(First, Second, 4096u, 0, true)]
    [InlineData(First + 1, Second, 1024u, 2, false)]
    [InlineData(First, Second + 1, 4096u, 0, false)]
    [InlineData(First + 0xFFC, Second, 1u, 2, true)]
    [InlineData(First + 0xFFD, Second, 1u, 2, false)]
    [InlineData(Second, First + 0xFE0, 9u, 2, false)]
    [InlineData(First, Second, 1025u, 2, false)]
    [InlineData(First, Second, 0x40000001u, 2, false)]
    [InlineData(First, Second, 0xFFFFFFFFu, 0, false)]
    [InlineData(ReadOnly, Second, 10u, 2, true)]
    [InlineData(Second, ReadOnly, 10u, 2, false)]
    [InlineData(0x9000u, Second, 10u, 2, false)]
    [InlineData(Second, 0x9000u, 10u, 2, false)]
    [InlineData(First + 40, First, 10u, 2, true)]
    [InlineData(First + 39, First, 10u, 2, false)]
    [InlineData(First, First + 39, 10u, 2, false)]
    [InlineData(First, First + 40, 10u, 2, true)]
    [InlineData(First, First, 1u, 0, false)]
    public void What_is_not_simple_is_left_alone(uint source, uint target, uint elements, int shift, bool simple)
    {
        byte[] before = Frames();
        Assert.Equal(simple, ShortStrings.TryMove(_machine.Cpu, source, target, elements, shift));
        if (!simple)
        {
            Assert.Equal(before, Frames());
        }

        _machine.Cpu->SystemFlags |= Eflags.Direction;
        before = Frames();
        Assert.False(ShortStrings.TryMove(_machine.Cpu, source, target, elements, shift));
        Assert.Equal(before, Frames());
    }

    [Theory]
    [InlineData(Second, 1024u, true)]
    [InlineData(Second + 4, 1024u, false)]
    [InlineData(Second + 0xFFD, 1u, false)]
    [InlineData(Second, 0x40000001u, false)]
    [InlineData(ReadOnly, 1u, false)]
    [InlineData(0x9000u, 1u, false)]
    public void Nor_is_a_fill_that_is_not(uint target, uint elements, bool simple)
    {
        byte[] before = Frames();
        Assert.Equal(simple, ShortStrings.TryFill(_machine.Cpu, 0xABCD1234, target, elements));
        Assert.Equal(simple, !before.SequenceEqual(Frames()));
        _machine.Cpu->SystemFlags |= Eflags.Direction;
        before = Frames();
        Assert.False(ShortStrings.TryFill(_machine.Cpu, 0x5678, target, elements));
        Assert.Equal(before, Frames());
    }

    private byte[] Frames() => _machine.Ram.Window(SecondFrame, 0x5000).ToArray();

    private void Write(uint physical, uint value) => Assert.True(_machine.Ram.TryWrite(physical, BitConverter.GetBytes(value)));
}
