using System.Reflection.Emit;
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
        if (!c.PageCaches.Chosen.TryGetValue(accesses, out PageCache? cache))
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
        Label slow = il.DefineLabel();
        Label back = il.DefineLabel();
        il.Emit(OpCodes.Ldloc, c.Address);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ldloc, cache.Start);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Ldc_I8, 0x1000L - size);
        il.Emit(OpCodes.Bgt_Un, slow);
        il.MarkLabel(back);
        c.SlowPaths.Add(new SlowPath(slow, back, cache, size, write, miss, cache.IsScattered ? miss : c.Exits.Retune()));
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
    /// Emits, behind all hot code, what happens when a page cache misses: the look-up in the soft TLB, and back. The stack's
    /// class serves stores and loads alike; a load from a page that cannot be stored to is served but not remembered.
    /// </summary>
    public static void EmitSlowPaths(RegionContext c)
    {
        ILGenerator il = c.Il;
        foreach (SlowPath path in c.SlowPaths)
        {
            PageCache cache = path.Cache;
            Label unusual = il.DefineLabel();
            bool shared = cache.Class.Write && !path.Write;
            il.MarkLabel(path.Label);
            if (!cache.IsScattered)
            {
                CountDown(c, cache, path.Retune);
            }

            LookUp(c, cache.Class.Write ? c.WriteTable : c.ReadTable);
            il.Emit(OpCodes.Ldloc, c.Host);
            il.Emit(OpCodes.Brfalse, shared ? unusual : path.Miss);
            LeaveIfCrossing(c, path.Size, path.Miss);
            Remember(c, cache);
            il.Emit(OpCodes.Br, path.Back);
            if (!shared)
            {
                continue;
            }

            il.MarkLabel(unusual);
            LookUp(c, c.ReadTable);
            il.Emit(OpCodes.Ldloc, c.Host);
            il.Emit(OpCodes.Brfalse, path.Miss);
            LeaveIfCrossing(c, path.Size, path.Miss);
            il.Emit(OpCodes.Ldloc, c.Host);
            il.Emit(OpCodes.Stloc, cache.Bias);
            il.Emit(OpCodes.Ldc_I8, PageCache.NoPage);
            il.Emit(OpCodes.Stloc, cache.Start);
            il.Emit(OpCodes.Br, path.Back);
        }
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

    /// <summary>One miss more; at the last the engine is asked to look at the cache's record.</summary>
    private static void CountDown(RegionContext c, PageCache cache, Label retune)
    {
        ILGenerator il = c.Il;
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
        il.Emit(OpCodes.Brfalse, retune);
    }

    private static void PushHostAddress(RegionContext c)
    {
        c.Il.Emit(OpCodes.Ldloc, c.Bias);
        c.Il.Emit(OpCodes.Ldloc, c.Address);
        c.Il.Emit(OpCodes.Conv_U8);
        c.Il.Emit(OpCodes.Add);
        c.Il.Emit(OpCodes.Conv_I);
    }
}

/// <summary>A page cache's miss, to be emitted at the end of the method.</summary>
internal sealed record SlowPath(Label Label, Label Back, PageCache Cache, int Size, bool Write, Label Miss, Label Retune);
