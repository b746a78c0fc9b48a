using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Tiering;

/// <summary>
/// What is done about accesses that were outside of their window: it grows, or goes elsewhere; and where that does not help
/// the region is translated anew, with another window for them, or with none.
/// </summary>
/// <param name="replace">Asks for a new translation of a region, with these windows.</param>
/// <param name="fillsAhead">See <see cref="Optimisations.FillAhead"/>.</param>
internal sealed unsafe class WindowTuner(Action<CompiledRegion, WindowPlan> replace, bool fillsAhead)
{
    /// <summary>Misses of one class, or what takes as long as so many, after which it is asked how many instructions they took.</summary>
    private const int Period = 64;

    /// <summary>
    /// Instructions for each miss that make a window worth having. A miss takes as long as a thousand of them, and a window saves a part
    /// of each access only.
    /// </summary>
    private const int InstructionsForMiss = 2000;

    /// <summary>Pages that can be looked at in the time of one miss.</summary>
    private const uint LooksForMiss = 128;

    /// <summary>Conflicts of a class with the others at its window that call for another one.</summary>
    private const int Patience = 8;

    private readonly Dictionary<nint, (CompiledRegion Region, WindowUse Use)> _uses = [];

    /// <summary>A region is in use from now on.</summary>
    public void Installed(CompiledRegion region)
    {
        foreach (WindowUse use in region.WindowUses)
        {
            _uses[use.Record] = (region, use);
        }
    }

    /// <summary>A region has been cut off.</summary>
    public void Removed(CompiledRegion region)
    {
        foreach (WindowUse use in region.WindowUses)
        {
            _uses.Remove(use.Record);
        }
    }

    /// <summary>Translated code has been left for a miss, and the CPU says whose.</summary>
    public void Missed(GuestCpu* cpu)
    {
        nint record = cpu->MissRecord;
        cpu->MissRecord = 0;
        if (!_uses.TryGetValue(record, out (CompiledRegion Region, WindowUse Use) found))
        {
            return;
        }

        (CompiledRegion region, WindowUse use) = found;
        WindowTable* table = region.Windows;
        if (table->Epoch != cpu->TlbEpoch)
        {
            WindowTable.Refresh(cpu, table);
        }

        AccessWindow* window = WindowTable.Window(table, use.Window);
        uint page = cpu->MissAddress >> 12;
        if (WindowTable.Entries(cpu, window)[page] == 0 && (window->Writable == 0 || !ColdAccess.TryUnpark(GuestMachine.Of(cpu), page)))
        {
            // The interpreter will fill it in; unless it is only that the class is in the wrong company, of those that write.
            if (window->Writable != 0 && !use.Class.Write && cpu->ReadTable[page] != 0)
            {
                Conflict(cpu, region, use);
            }

            return;
        }

        if (IsTooOften(cpu, use))
        {
            replace(region, region.Plan.Windows.Scatter(use.Class));
            return;
        }

        uint before = WindowTable.Pages(window);
        bool reached = WindowTable.TryExtend(cpu, window, page, fillsAhead);
        if (!reached && (use.IsAlone || window->Limit < 0))
        {
            WindowTable.Open(cpu, window, page, fillsAhead);
            reached = true;
        }

        // To grow for the first time is to find out what there is, and that may last.
        uint now = WindowTable.Pages(window);
        use.Regained += Math.Max(Math.Min(now, use.Largest), before) - before;
        use.Largest = Math.Max(now, use.Largest);
        if (!reached)
        {
            Conflict(cpu, region, use);
        }
    }

    private void Conflict(GuestCpu* cpu, CompiledRegion region, WindowUse use)
    {
        if (++use.Conflicts != Patience)
        {
            return;
        }

        // Where others of the region look already there is no need for another window: each takes registers away from all the rest.
        WindowPlan plan = region.Plan.Windows;
        if (!plan.HasMoved(use.Class) && Fitting(cpu, region, use) is { } fitting)
        {
            plan = plan.Join(use.Class, fitting.Class);
        }
        else
        {
            plan = use.IsAlone ? plan.Scatter(use.Class) : plan.Split(use.Class);
        }

        replace(region, plan);
    }

    /// <summary>A use of another window of the region that shows what this one missed.</summary>
    private static WindowUse? Fitting(GuestCpu* cpu, CompiledRegion region, WindowUse use)
    {
        foreach (WindowUse other in region.WindowUses)
        {
            if (other.Window != use.Window && Suits(cpu, region, other, use.Class, cpu->MissAddress >> 12))
            {
                return other;
            }
        }

        return null;
    }

    /// <summary>Does the window that <paramref name="use"/> looks through show the page, or could it, for what this class does there?</summary>
    private static bool Suits(GuestCpu* cpu, CompiledRegion region, WindowUse use, AccessClass accesses, uint page)
    {
        AccessWindow* window = WindowTable.Window(region.Windows, use.Window);
        return !use.Class.IsStack && (window->Writable != 0 || !accesses.Write)
            && (WindowTable.Contains(window, page) || WindowTable.TryExtend(cpu, window, page, fill: false));
    }

    private static bool IsTooOften(GuestCpu* cpu, WindowUse use)
    {
        long now = cpu->Retired + cpu->RunBudget - cpu->BudgetLeft;
        if (use.Since < 0)
        {
            use.Since = now;
        }

        // A flush shrinks windows to what lies around the last access. Where flushes are frequent, growing back through all of a Guest's memory is the larger part.
        long weight = ++use.Misses + use.Regained / LooksForMiss;
        if (weight < Period)
        {
            return false;
        }

        bool often = now - use.Since < weight * InstructionsForMiss;
        use.Misses = 0;
        use.Regained = 0;
        use.Since = now;
        return often;
    }
}
