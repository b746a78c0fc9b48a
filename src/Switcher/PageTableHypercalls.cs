using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <summary>
/// The entrances of drivers/lguest/page_tables.c. There were shadow page tables behind them; here is the soft TLB, and what
/// a call means to it is design §12.6. Values are not looked at: the Guest's own tables are the truth, and the next miss
/// reads them (for the page that has just faulted, we do).
/// </summary>
internal sealed unsafe class PageTableHypercalls(GuestContext context, InterruptsAndTraps interrupts)
{
    /// <summary>PTRS_PER_PGD.</summary>
    private const uint DirectoryEntries = 1024;

    private const uint PageMask = ~0xFFFu;

    /// <summary>
    /// The Guest's own <c>cr3_changed</c> (arch/x86/lguest/boot.c), guessed from outside: until it has run on a third page
    /// directory, after initial_page_table and swapper_pg_dir, it does not announce every change of an entry.
    /// </summary>
    private bool _cr3Changed;
    private uint? _firstDirectory;
    private uint? _secondDirectory;

    /// <summary>page_table_guest_data_init: kernel_address in, reserve_mem out, and a clean slate.</summary>
    public void PageTableGuestDataInit()
    {
        LguestData data = context.Data;
        if (!data.TryRead(LguestData.KernelAddress, out uint kernelAddress))
        {
            context.Kill($"bad guest page {GuestContext.Hex(data.Address)}");
            return;
        }

        if (!data.Write(LguestData.ReserveMem, unchecked(0 - SoftMmu.SwitcherAddress), $"bad guest page {GuestContext.Hex(data.Address)}"))
        {
            return;
        }

        if (kernelAddress >= SoftMmu.SwitcherAddress)
        {
            context.Kill($"bad kernel address {GuestContext.Hex(kernelAddress)}");
            return;
        }

        context.Machine.Mmu.KernelAddress = kernelAddress;
        context.Machine.Mmu.FlushAll();
    }

    public void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _cr3Changed);
        long first = archive.Value(_firstDirectory ?? -1L);
        long second = archive.Value(_secondDirectory ?? -1L);
        _firstDirectory = first < 0 ? null : (uint)first;
        _secondDirectory = second < 0 ? null : (uint)second;
    }

    /// <summary>guest_new_pagetable: LHCALL_NEW_PGTABLE. A bad address shows at the next walk.</summary>
    public void GuestNewPagetable(uint pgtable)
    {
        // The low bits of a cr3 are cache flags. All calls that name a directory drop them, or they would not meet.
        uint directory = pgtable & PageMask;

        // The switch that reveals the third directory still flushes: what came before it was not announced.
        context.Machine.Mmu.SetPageDirectory(context.Cpu, directory, _cr3Changed);
        NoteDirectory(directory);
    }

    /// <summary>LHCALL_FLUSH_TLB: guest_pagetable_flush_user, or guest_pagetable_clear_all.</summary>
    /// <param name="all">0: the user half of the tables in force. Else everything.</param>
    public void FlushTlb(uint all)
    {
        if (all == 0)
        {
            context.Machine.Mmu.FlushUser();
            return;
        }

        context.Machine.Mmu.FlushAll();
        interrupts.PinStackPages();
    }

    /// <summary>guest_set_pte: LHCALL_SET_PTE.</summary>
    public void GuestSetPte(uint gpgdir, uint vaddr)
    {
        if (vaddr >= SoftMmu.SwitcherAddress)
        {
            context.Kill("attempt to set pte into Switcher pages");
            return;
        }

        SoftMmu mmu = context.Machine.Mmu;
        mmu.DropPage(gpgdir & PageMask, vaddr);

        // The page whose fault is being handled is wanted again at once, so the shadow entry is set here, as do_set_pte sets it. For others that is not worth a walk.
        GuestCpu* cpu = context.Cpu;
        if (cpu->FaultAddress >> 12 == vaddr >> 12 && _cr3Changed && mmu.PageDirectory == (gpgdir & PageMask))
        {
            ColdAccess.TryFillAhead(context.Machine, vaddr >> 12, write: false, (cpu->FaultErrorCode & Fault.PageUser) != 0);
        }
    }

    /// <summary>guest_set_pgd: LHCALL_SET_PGD. Index 1024 slips through, as it did in the original; nothing is there.</summary>
    public void GuestSetPgd(uint gpgdir, uint idx)
    {
        if (idx > DirectoryEntries)
        {
            context.Kill($"Attempt to set pgd {idx}/{DirectoryEntries}");
            return;
        }

        if (idx < DirectoryEntries)
        {
            context.Machine.Mmu.DropSlot(gpgdir & PageMask, idx);
        }
    }

    private void NoteDirectory(uint directory)
    {
        if (_cr3Changed || _firstDirectory == directory || _secondDirectory == directory)
        {
            return;
        }

        if (_firstDirectory == null)
        {
            _firstDirectory = directory;
        }
        else if (_secondDirectory == null)
        {
            _secondDirectory = directory;
        }
        else
        {
            _cr3Changed = true;
        }
    }
}
