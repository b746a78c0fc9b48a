using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Tests.Machine;

namespace Lguest.Jit.Core.Tests.Memory;

/// <summary>Operands of many bytes that lie across the end of a page: both pages, or none.</summary>
public sealed unsafe class AccessAcrossPagesTests : IDisposable
{
    private const uint Directory = 0x8000;
    private const uint Table = 0x9000;
    private const uint FirstFrame = 0x14000;
    private const uint SecondFrame = 0x12000;
    private const uint Address = 0x5FF3;
    private const int InFirst = 13;

    private readonly GuestMachine _machine = new(2 << 20, new NoClock());

    public AccessAcrossPagesTests()
    {
        Write(Directory, Table | 7);
        Write(Table + (5 * 4), FirstFrame | 7);
        Write(Table + (6 * 4), SecondFrame | 7);
        _machine.Mmu.SetPageDirectory(_machine.Cpu, Directory, trusted: true);
        _machine.Cpu->Cpl = 3;
        _machine.Mmu.Activate(_machine.Cpu);
    }

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(false, 288)]
    [InlineData(true, 288)]
    [InlineData(true, 14)]
    [InlineData(true, 10)]
    public void What_is_written_is_read_and_lies_in_both_frames(bool warm, int length)
    {
        if (warm)
        {
            Assert.True(ColdAccess.Write(_machine.Cpu, 0x5000, 4, 0) && ColdAccess.Write(_machine.Cpu, 0x6F00, 4, 0));
        }

        byte[] bytes = [.. Enumerable.Range(1, length).Select(static i => (byte)i)];
        byte[] back = new byte[length];
        Assert.True(ColdAccess.WriteBytes(_machine.Cpu, Address, bytes));
        Assert.True(ColdAccess.ReadBytes(_machine.Cpu, Address, back));
        Assert.Equal(bytes, back);
        int inFirst = Math.Min(length, InFirst);
        Assert.Equal(bytes[..inFirst], _machine.Ram.Window(FirstFrame + 0xFF3, (uint)inFirst).ToArray());
        Assert.Equal(bytes[inFirst..], _machine.Ram.Window(SecondFrame, (uint)(length - inFirst)).ToArray());
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(SecondFrame | 5)]
    public void If_the_second_page_cannot_be_written_to_nothing_is(uint entry)
    {
        Assert.True(ColdAccess.Write(_machine.Cpu, 0x5000, 4, 0));
        Write(Table + (6 * 4), entry);
        Assert.False(ColdAccess.WriteBytes(_machine.Cpu, Address, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 }));
        Assert.Equal((14, 0x6000u), (_machine.Cpu->FaultVector, _machine.Cpu->FaultAddress));
        Assert.Equal(new byte[InFirst], _machine.Ram.Window(FirstFrame + 0xFF3, InFirst).ToArray());
    }

    [Fact]
    public void If_the_second_page_cannot_be_read_that_is_where_the_fault_is()
    {
        Assert.True(ColdAccess.Read(_machine.Cpu, 0x5000, 4, out _));
        Write(Table + (6 * 4), 0);
        Assert.False(ColdAccess.ReadBytes(_machine.Cpu, Address, new byte[20]));
        Assert.Equal((14, 0x6000u), (_machine.Cpu->FaultVector, _machine.Cpu->FaultAddress));
    }

    private void Write(uint physical, uint value) => Assert.True(_machine.Ram.TryWrite(physical, BitConverter.GetBytes(value)));
}
