using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>A block that has been found is soon found again by its address alone: as long as it is what is there.</summary>
public sealed unsafe class RecentBlockTests : IDisposable
{
    private const uint Page = 0x1000;
    private const uint Frame = 0x200000;
    private const uint OtherFrame = 0x210000;
    private const uint Crossing = PagedRig.Alias + Page - 2;

    /// <summary>mov eax, imm32; ret.</summary>
    private static readonly byte[] Code = [0xB8, 1, 2, 3, 4, 0xC3];

    private readonly Rig _rig = new(static machine => new InterpreterEngine(machine));

    public RecentBlockTests()
    {
        PagedRig.TurnOn(_rig);
        PagedRig.Map(_rig, PagedRig.Alias, Frame);
        PagedRig.Map(_rig, PagedRig.Alias + Page, Frame + Page);
        _rig.Write(Frame, Code);
        _rig.Write(OtherFrame, Code);
        _rig.Write(Frame + Page - 2, Code);
        _rig.Begin(PagedRig.Alias);
    }

    private BlockCache Blocks => ((InterpreterEngine)_rig.Engine).Cache;

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void It_is_the_same_one_and_nothing_is_decoded()
    {
        GuestBlock* block = Blocks.Find();
        Assert.True(block == Blocks.Find() && block->Valid && block->Eip == PagedRig.Alias && block->Count == 2);
        Assert.Equal(1, Blocks.Decoded);
    }

    [Fact]
    public void Code_that_has_been_written_to_is_decoded_anew()
    {
        _ = Blocks.Find();
        _rig.Write(Frame + 5, [0x90, 0xC3]);
        GuestBlock* block = Blocks.Find();
        Assert.True(block->Valid);
        Assert.Equal(3, block->Count);
    }

    [Fact]
    public void Another_frame_at_the_address_is_another_block()
    {
        uint first = Blocks.Find()->Physical;
        PagedRig.Map(_rig, PagedRig.Alias, OtherFrame);
        Assert.Equal(Frame, first);
        Assert.Equal(OtherFrame, Blocks.Find()->Physical);
        PagedRig.Unmap(_rig, PagedRig.Alias);
        Assert.True(Blocks.Find() == null);
        Assert.Equal(Vectors.PageFault, _rig.Cpu->FaultVector);
    }

    [Fact]
    public void Another_second_page_is_another_block()
    {
        _rig.Cpu->Eip = Crossing;
        GuestBlock* first = Blocks.Find();
        Assert.True(first->CrossesPage && first->SecondPhysical == Frame + Page);
        PagedRig.Map(_rig, PagedRig.Alias + Page, OtherFrame);
        Assert.Equal(OtherFrame, Blocks.Find()->SecondPhysical);
    }

    [Fact]
    public void Another_mode_is_another_block()
    {
        _ = Blocks.Find();
        _rig.Cpu->Mode ^= CpuMode.User;
        Assert.Equal(_rig.Cpu->Mode, Blocks.Find()->Mode);
    }

    [Fact]
    public void Who_waits_to_be_linked_is()
    {
        GuestBlock* block = Blocks.Find();
        var link = new BlockLink { Eip = block->Eip };
        _rig.Cpu->PendingLink = &link;
        Assert.True(Blocks.Find() == block);
        Assert.True(link.Target == block->Head && _rig.Cpu->PendingLink == null);
    }
}
