using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Core.Tests.Machine;

/// <summary>A machine that goes back has in its soft TLBs what it had there, whichever of them was in force.</summary>
public sealed unsafe class MachineSnapshotTests
{
    private const uint First = 0x8000;
    private const uint Second = 0xA000;
    private const uint Page = 5;

    [Fact]
    public void Entries_of_all_spaces_come_back()
    {
        using GuestMachine machine = Machine();
        MachineSnapshot snapshot = Anchor(machine);
        machine.Mmu.FlushAll();
        snapshot.Restore(null);
        Assert.True(Has(machine, Second));
        Assert.True(Has(machine, First));
    }

    /// <summary>The copy of a space that has not been in force since the last snapshot is used again: not if it has lost something.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_space_in_the_background_lost_between_two_snapshots_stays_lost(bool whole)
    {
        using GuestMachine machine = Machine();
        _ = Anchor(machine);
        if (whole)
        {
            machine.Mmu.DropSlot(First, 0);
        }
        else
        {
            machine.Mmu.DropPage(First, Page << 12);
        }

        MachineSnapshot snapshot = Anchor(machine);
        machine.Mmu.FlushAll();
        snapshot.Restore(null);
        Assert.True(Has(machine, Second));
        Assert.False(Has(machine, First));
    }

    [Fact]
    public void What_a_space_got_while_it_was_in_force_between_two_snapshots_comes_back()
    {
        using GuestMachine machine = Machine();
        machine.Mmu.DropPage(First, Page << 12);
        _ = Anchor(machine);
        Touch(machine, First);
        machine.Mmu.SetPageDirectory(machine.Cpu, Second, trusted: true);
        MachineSnapshot snapshot = Anchor(machine);
        machine.Mmu.FlushAll();
        snapshot.Restore(null);
        Assert.True(Has(machine, First));
    }

    [Fact]
    public void What_a_space_lost_after_the_first_of_two_snapshots_comes_back_with_it_only()
    {
        using GuestMachine machine = Machine();
        MachineSnapshot first = Anchor(machine);
        machine.Mmu.DropPage(First, Page << 12);
        first.Restore(null);
        Assert.True(Has(machine, First));
        machine.Mmu.SetPageDirectory(machine.Cpu, Second, trusted: true);
        machine.Mmu.DropPage(First, Page << 12);
        MachineSnapshot second = Anchor(machine);
        second.Restore(null);
        Assert.False(Has(machine, First));
    }

    /// <summary>Two page directories with an entry for the same page, the second one in force.</summary>
    private static GuestMachine Machine()
    {
        var machine = new GuestMachine(2 << 20, new NoClock());
        _ = machine.Mmu.TrackWrites();
        machine.Mmu.KernelAddress = 0xC0000000;
        foreach (uint directory in new[] { First, Second })
        {
            Assert.True(machine.Ram.TryWrite32(directory, (directory + 0x1000) | 0x67));
            Assert.True(machine.Ram.TryWrite32(directory + 0x1000 + 4 * Page, 0x00012067));
        }

        Touch(machine, First);
        Touch(machine, Second);
        return machine;
    }

    private static void Touch(GuestMachine machine, uint directory)
    {
        machine.Mmu.SetPageDirectory(machine.Cpu, directory, trusted: true);
        Assert.True(ColdAccess.Translate(machine, Page << 12, write: true, user: false, out _));
    }

    private static MachineSnapshot Anchor(GuestMachine machine)
    {
        _ = machine.Mmu.Dirty!.Checkpoint();
        return new MachineSnapshot(machine);
    }

    private static bool Has(GuestMachine machine, uint directory)
    {
        machine.Mmu.SetPageDirectory(machine.Cpu, directory, trusted: true);
        return machine.Cpu->ReadTable[Page] != 0;
    }
}
