using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Switcher;

/// <content>The stack for entries from ring 3.</content>
internal sealed unsafe partial class InterruptsAndTraps
{
    private const uint MaximumStackPages = 2;

    private uint _stackPages;

    /// <summary>
    /// pin_stack_pages: an interrupt must be able to push its frame without a page fault, so the pages must be there and
    /// writable at the time of the call.
    /// </summary>
    /// <remarks>
    /// The original also set A and D in the Guest's entries, as a side effect of mapping them in its shadow tables. We have
    /// none, and only look.
    /// </remarks>
    public void PinStackPages()
    {
        for (uint i = 0; i < _stackPages; i++)
        {
            uint address = _cpu->Esp1 - 1 - i * GuestRam.PageSize;
            if (!PinPage(address))
            {
                _context.Kill($"bad stack page {GuestContext.Hex(address)}");
                return;
            }
        }
    }

    private bool PinPage(uint address)
    {
        GuestRam ram = _context.Machine.Ram;
        SoftMmu mmu = _context.Machine.Mmu;
        if (address >= SoftMmu.SwitcherAddress)
        {
            return false;
        }

        if (!mmu.Paging)
        {
            return ram.Contains(address, 1);
        }

        WalkResult result = PageWalker.Walk(
            ram, mmu.PageDirectory, address, write: true, user: false, mmu.DeviceLimit, out _, update: false);
        return result == WalkResult.Ok;
    }

    /// <summary>guest_set_stack: LHCALL_SET_STACK, at every context switch.</summary>
    /// <param name="segment">For ss; it must say ring 1, or the Guest could have us run its handlers on anything.</param>
    /// <param name="esp">Virtual address of the end of the stack.</param>
    /// <param name="pages">0 to 2: pages below <paramref name="esp"/> that the Guest promises are mapped.</param>
    public void GuestSetStack(uint segment, uint esp, uint pages)
    {
        if ((segment & 3) != GuestPl)
        {
            _context.Kill($"bad stack segment {(int)segment}");
            return;
        }

        if (pages > MaximumStackPages)
        {
            _context.Kill($"bad stack pages {pages}");
            return;
        }

        _cpu->Ss1 = segment;
        _cpu->Esp1 = esp;
        _stackPages = pages;
        PinStackPages();
    }
}
