using System.Reflection.Emit;
using Lguest.Jit.Core.Execution;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>Guest memory from translated code: through the page cache of the access's class, behind it the soft TLB, behind that an exit.</summary>
internal static class MemoryEmitter
{
    /// <summary>
    /// Pops a linear address. Afterwards <see cref="RegionContext.Address"/> + <see cref="RegionContext.Bias"/> is where the
    /// Host has it; or the region has been left, if the soft TLB has no entry or the access crosses its page.
    /// </summary>
    public static void Translate(RegionContext c, AccessClass accesses, int size, bool write)
    {
        ILGenerator il = c.Il;
        Label miss = c.Exits.Miss();
        il.Emit(OpCodes.Stloc, c.Address);
        if (!c.UsePageCaches || !c.PageCaches.Chosen.TryGetValue(accesses, out PageCache? cache))
        {
            AskTlb(c, size, write, miss);
            c.Bias = c.Host;
            return;
        }

        c.Bias = cache.Bias;
        if (cache.IsScattered && !cache.IsFresh)
        {
            AskTlb(c, size, write, miss);
            Remember(c, cache);
            cache.IsFresh = true;
            return;
        }

        // address - start > 0x1000 - size, in 64 bits: another page, or across its end.
        SlowPath slow = c.SlowPath(cache, size, write);
        Label missed = il.DefineLabel();
        Label back = il.DefineLabel();
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ldloc, cache.Start);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Ldc_I8, 0x1000L - size);
        il.Emit(OpCodes.Bgt_Un, missed);
        il.MarkLabel(back);
        slow.Sites.Add(new SlowSite(missed, back, miss));
    }

    /// <summary>Pushes the value at the translated address, zero-extended.</summary>
    public static void Load(RegionContext c, int size)
    {
        PushHostAddress(c);
        if (size > 1)
        {
            c.Il.Emit(OpCodes.Unaligned, (byte)1);
        }

        c.Il.Emit(size switch
        {
            1 => OpCodes.Ldind_U1,
            2 => OpCodes.Ldind_U2,
            _ => OpCodes.Ldind_U4,
        });
    }

    /// <summary>Stores a value at the translated address.</summary>
    public static void Store(RegionContext c, FlagExpression value, int size)
    {
        PushHostAddress(c);
        value.Emit(c);
        if (size > 1)
        {
            c.Il.Emit(OpCodes.Unaligned, (byte)1);
        }

        c.Il.Emit(size switch
        {
            1 => OpCodes.Stind_I1,
            2 => OpCodes.Stind_I2,
            _ => OpCodes.Stind_I4,
        });
    }

    /// <summary>
    /// Emits, behind all hot code, what happens when a page cache misses: the look-up in the soft TLB, and back. One piece of code
    /// serves all accesses of a kind; a number says which of them it was. The stack's class serves stores and loads alike: a
    /// load from a page that cannot be stored to is served but not remembered.
    /// </summary>
    public static void EmitSlowPaths(RegionContext c)
    {
        ILGenerator il = c.Il;
        LocalBuilder site = il.DeclareLocal(typeof(int));
        foreach (SlowPath path in c.SlowPaths)
        {
            PageCache cache = path.Cache;
            Label common = il.DefineLabel();
            Label back = il.DefineLabel();
            Label miss = il.DefineLabel();
            Label unusual = il.DefineLabel();
            for (int i = 0; i < path.Sites.Count; i++)
            {
                il.MarkLabel(path.Sites[i].Label);
                il.Emit(OpCodes.Ldc_I4, i);
                il.Emit(OpCodes.Stloc, site);
                il.Emit(OpCodes.Br, common);
            }

            il.MarkLabel(common);
            bool shared = cache.Class.Write && !path.Write;
            if (!cache.IsScattered)
            {
                CountDown(c, cache);
            }

            LookUp(c, cache.Class.Write ? c.WriteTable : c.ReadTable);
            il.Emit(OpCodes.Ldloc, c.Host);
            il.Emit(OpCodes.Brfalse, shared ? unusual : miss);
            LeaveIfCrossing(c, path.Size, miss);
            Remember(c, cache);
            il.MarkLabel(back);
            Distribute(il, site, path.Sites, static s => s.Back);
            if (shared)
            {
                il.MarkLabel(unusual);
                AskTlb(c, path.Size, write: false, miss);
                il.Emit(OpCodes.Ldloc, c.Host);
                il.Emit(OpCodes.Stloc, cache.Bias);
                il.Emit(OpCodes.Ldc_I8, PageCache.NoPage);
                il.Emit(OpCodes.Stloc, cache.Start);
                il.Emit(OpCodes.Br, back);
            }

            il.MarkLabel(miss);
            Distribute(il, site, path.Sites, static s => s.Miss);
        }
    }

    private static void Distribute(ILGenerator il, LocalBuilder site, List<SlowSite> sites, Func<SlowSite, Label> label)
    {
        if (sites.Count > 1)
        {
            il.Emit(OpCodes.Ldloc, site);
            il.Emit(OpCodes.Switch, [.. sites.Select(label)]);
        }

        il.Emit(OpCodes.Br, label(sites[^1]));
    }

    /// <summary>Host = the entry of the soft TLB, which is there and serves the whole access.</summary>
    private static void AskTlb(RegionContext c, int size, bool write, Label miss)
    {
        LookUp(c, write ? c.WriteTable : c.ReadTable);
        c.Il.Emit(OpCodes.Ldloc, c.Host);
        c.Il.Emit(OpCodes.Brfalse, miss);
        LeaveIfCrossing(c, size, miss);
    }

    /// <summary>Puts the page just found into its cache.</summary>
    private static void Remember(RegionContext c, PageCache cache)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Host);
        il.Emit(OpCodes.Stloc, cache.Bias);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Ldc_I4, ~0xFFF);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Stloc, cache.Start);
    }

    /// <summary>Host = table[address >> 12].</summary>
    private static void LookUp(RegionContext c, LocalBuilder table)
    {
        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, table);
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Ldc_I4, 12);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ldc_I4_3);
        il.Emit(OpCodes.Shl);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Stloc, c.Host);
    }

    private static void LeaveIfCrossing(RegionContext c, int size, Label miss)
    {
        if (size == 1)
        {
            return;
        }

        ILGenerator il = c.Il;
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Ldc_I4, 0xFFF);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Ldc_I4, 0x1000 - size);
        il.Emit(OpCodes.Bgt_Un, miss);
    }

    /// <summary>One miss more; at the last, the engine is asked to look at the cache's record at the next safepoint.</summary>
    private static void CountDown(RegionContext c, PageCache cache)
    {
        ILGenerator il = c.Il;
        Label enough = il.DefineLabel();
        il.Emit(OpCodes.Ldc_I8, (long)cache.Countdown);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldc_I8, (long)cache.Countdown);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldind_I4);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stind_I4);
        il.Emit(OpCodes.Ldc_I8, (long)cache.Countdown);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Ldind_I4);
        il.Emit(OpCodes.Brtrue, enough);
        c.Store(MethodNames.TierRequest, 1);
        il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.Attention);
        il.Emit(OpCodes.Ldc_I4, AttentionBits.Engine);
        il.Emit(OpCodes.Call, MethodNames.InterlockedOr);
        il.Emit(OpCodes.Pop);
        il.MarkLabel(enough);
    }

    /// <summary>Pushes the Host address of the access just translated.</summary>
    public static void PushHostAddress(RegionContext c)
    {
        c.Il.Emit(OpCodes.Ldloc, c.Bias);
        c.Il.Emit(OpCodes.Ldloc, c.Address);
        c.Il.Emit(OpCodes.Conv_U8);
        c.Il.Emit(OpCodes.Add);
        c.Il.Emit(OpCodes.Conv_I);
    }
}

/// <summary>What the misses of one page cache share, as far as their accesses are of the same size and direction.</summary>
internal sealed record SlowPath(PageCache Cache, int Size, bool Write)
{
    public List<SlowSite> Sites { get; } = [];
}

/// <summary>One access: where its miss begins, where it goes on, and where it leaves if the soft TLB does not know either.</summary>
internal readonly record struct SlowSite(Label Label, Label Back, Label Miss);
