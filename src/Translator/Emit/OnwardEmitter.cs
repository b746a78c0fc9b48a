using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Interpreter.ControlFlow;
using Lguest.Jit.Translator.Cache;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// From a region to what comes next, with all state in memory: along a link, through the jump cache, or back to the engine's loop. What
/// <see cref="Links"/> has for the interpreter stands here as IL, laid out so that the usual way falls through, and with calls in tail position only: a region
/// that calls nobody need not save the Host's registers.
/// </summary>
/// <param name="c">The region.</param>
internal sealed unsafe class OnwardEmitter(RegionContext c)
{
    private readonly ILGenerator _il = c.Il;
    private readonly LocalBuilder _op = c.Il.DeclareLocal(typeof(nint));

    /// <summary>Goes on if the comparison of what is on the stack holds, else returns null: everything is in memory already, eip and exit reason included.</summary>
    public void LeftUnless(OpCode holds)
    {
        Label on = _il.DefineLabel();
        _il.Emit(holds, on);
        ReturnNull();
        _il.MarkLabel(on);
    }

    /// <summary>Goes on if the comparison of what is on the stack holds, else ends the method with what <paramref name="handler"/> says.</summary>
    /// <param name="holds">A branch.</param>
    /// <param name="handler">Takes the CPU, and one thing more.</param>
    /// <param name="second">That one thing; null: the head op that the region has been entered by.</param>
    /// <param name="otherwise">Marks the end of the method, for others to go there.</param>
    public void AnswerUnless(OpCode holds, MethodInfo handler, LocalBuilder? second, Label? otherwise = null)
    {
        Label on = _il.DefineLabel();
        _il.Emit(holds, on);
        if (otherwise is { } label)
        {
            _il.MarkLabel(label);
        }

        _il.Emit(OpCodes.Ldarg_0);
        if (second == null)
        {
            PushHead();
        }
        else
        {
            _il.Emit(OpCodes.Ldloc, second);
        }

        _il.Emit(OpCodes.Call, handler);
        _il.Emit(OpCodes.Ret);
        _il.MarkLabel(on);
    }

    /// <summary>Pops the op to go on with, which may be null: then it returns that.</summary>
    public void Chain()
    {
        _il.Emit(OpCodes.Stloc, _op);
        if (c.Optimisations.Chains)
        {
            _il.Emit(OpCodes.Ldloc, _op);
            LeftUnless(OpCodes.Brtrue);
        }

        GoTo(_op);
    }

    /// <summary>Pushes the head op that the region has been entered by. The argument has the number of the entry beside it (<see cref="RegionLinks.EntryMask"/>).</summary>
    public void PushHead()
    {
        _il.Emit(OpCodes.Ldarg_1);
        if (c.Optimisations.Chains)
        {
            _il.Emit(OpCodes.Ldc_I4, ~RegionLinks.EntryMask);
            _il.Emit(OpCodes.Conv_I);
            _il.Emit(OpCodes.And);
        }
    }

    /// <summary>
    /// Ends the method with a jump to the handler of the op in <paramref name="op"/>. The stack does not grow however long regions lead to regions, and
    /// each has a jump of its own for the Host to predict.
    /// </summary>
    private void GoTo(LocalBuilder op)
    {
        if (c.Optimisations.Chains)
        {
            _il.Emit(OpCodes.Ldarg_0);
            _il.Emit(OpCodes.Ldloc, op);
            _il.Emit(OpCodes.Ldloc, op);
            _il.Emit(OpCodes.Ldind_I);
            JumpToHandler();
        }
        else
        {
            _il.Emit(OpCodes.Ldloc, op);
        }

        _il.Emit(OpCodes.Ret);
    }

    /// <summary>Pops the CPU, an op and its handler, and calls that in tail position: a return has to follow.</summary>
    private void JumpToHandler()
    {
        _il.Emit(OpCodes.Tailcall);
        _il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(nint), [typeof(nint), typeof(nint)], null);
    }

    /// <summary>Ends the method with a jump to where a link leads, or to who finds that out; without chains, the link has to have a target.</summary>
    private void GoAlong(LocalBuilder link)
    {
        if (!c.Optimisations.Chains)
        {
            LoadField(link, nameof(BlockLink.Target), OpCodes.Ldind_I, typeof(BlockLink));
            _il.Emit(OpCodes.Ret);
            return;
        }

        _il.Emit(OpCodes.Ldarg_0);
        LoadField(link, nameof(BlockLink.Target), OpCodes.Ldind_I, typeof(BlockLink));
        LoadField(link, nameof(BlockLink.Handler), OpCodes.Ldind_I, typeof(BlockLink));
        JumpToHandler();
        _il.Emit(OpCodes.Ret);
    }

    /// <summary>As <see cref="Links.FollowNear"/>.</summary>
    public void FollowNear(LocalBuilder link)
    {
        if (!c.Optimisations.Chains)
        {
            LoadField(link, nameof(BlockLink.Target), OpCodes.Ldind_I, typeof(BlockLink));
            AnswerUnless(OpCodes.Brtrue, MethodNames.Resolve, link);
        }

        GoAlong(link);
    }

    /// <summary>As <see cref="Links.FollowFar"/>, for a link that has <see cref="JumpCacheEntry.NoPage"/> until it is filled.</summary>
    public void FollowFar(LocalBuilder link)
    {
        PushPageEntry(() => LoadField(link, nameof(BlockLink.Eip), OpCodes.Ldind_U4, typeof(BlockLink)));
        FollowIf(link);
    }

    /// <summary>Pops what the soft TLB has for the page of the link's target, and follows the link if it is as it was.</summary>
    private void FollowIf(LocalBuilder link)
    {
        LoadField(link, nameof(BlockLink.PageEntry), OpCodes.Ldind_I8, typeof(BlockLink));
        AnswerUnless(OpCodes.Beq, MethodNames.Resolve, link);
        GoAlong(link);
    }

    /// <summary>Pushes the address of the place in <see cref="ReturnLinks"/> for what is pushed at, or popped from, the address on the stack.</summary>
    public void PushPlace()
    {
        _il.Emit(OpCodes.Ldc_I4, (int)ReturnLinks.PlaceMask);
        _il.Emit(OpCodes.And);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Ldc_I4, sizeof(ulong) / sizeof(uint));
        _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Mul);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Add);
        c.Offset(MethodNames.Returns);
        _il.Emit(OpCodes.Conv_I);
    }

    /// <summary>
    /// Goes to <paramref name="target"/> along the link that the call has left word of, if it is one to there; else, as anybody who comes to <paramref name="otherwise"/>,
    /// through the jump cache.
    /// </summary>
    /// <param name="target">The address that has been popped.</param>
    /// <param name="place">Where it was.</param>
    /// <param name="otherwise">Is marked here.</param>
    public void Return(LocalBuilder target, LocalBuilder place, Label otherwise)
    {
        LocalBuilder link = _il.DeclareLocal(typeof(nint));
        _il.Emit(OpCodes.Ldloc, place);
        PushPlace();
        _il.Emit(OpCodes.Ldind_I);
        _il.Emit(OpCodes.Stloc, link);

        // Eip and owner at once: they stand side by side.
        LoadField(link, nameof(BlockLink.Eip), OpCodes.Ldind_I8, typeof(BlockLink));
        _il.Emit(OpCodes.Ldloc, target);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Ldc_I8, (long)((ulong)Owner << 32));
        _il.Emit(OpCodes.Or);
        Label known = _il.DefineLabel();
        _il.Emit(OpCodes.Beq, known);
        _il.MarkLabel(otherwise);
        Jump(target);
        _il.MarkLabel(known);
        PushPageEntry(() => _il.Emit(OpCodes.Ldloc, target));
        FollowIf(link);
    }

    /// <summary>What says in a link that it is this region's, or one of its mode.</summary>
    public uint Owner => BlockLink.Translated | (uint)c.Plan.Mode;

    /// <summary>As <see cref="Links.Jump"/>.</summary>
    public void Jump(LocalBuilder target)
    {
        _il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.JumpCache);
        _il.Emit(OpCodes.Ldind_I);
        _il.Emit(OpCodes.Ldloc, target);
        _il.Emit(OpCodes.Ldloc, target);
        _il.Emit(OpCodes.Ldc_I4, 12);
        _il.Emit(OpCodes.Shr_Un);
        _il.Emit(OpCodes.Xor);
        _il.Emit(OpCodes.Ldc_I4, JumpCacheEntry.Count - 1);
        _il.Emit(OpCodes.And);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Ldc_I4, sizeof(JumpCacheEntry));
        _il.Emit(OpCodes.Conv_I8);
        _il.Emit(OpCodes.Mul);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _op);
        LoadField(_op, nameof(JumpCacheEntry.Eip), OpCodes.Ldind_U4, typeof(JumpCacheEntry));
        _il.Emit(OpCodes.Ldloc, target);
        Label lost = _il.DefineLabel();
        AnswerUnless(OpCodes.Beq, MethodNames.Lose, target, lost);
        LoadField(_op, nameof(JumpCacheEntry.Mode), OpCodes.Ldind_I4, typeof(JumpCacheEntry));
        _il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.Mode);
        _il.Emit(OpCodes.Ldind_I4);
        _il.Emit(OpCodes.Bne_Un, lost);
        PushPageEntry(() => _il.Emit(OpCodes.Ldloc, target));
        LoadField(_op, nameof(JumpCacheEntry.PageEntry), OpCodes.Ldind_I8, typeof(JumpCacheEntry));
        _il.Emit(OpCodes.Bne_Un, lost);
        LoadField(_op, nameof(JumpCacheEntry.Target), OpCodes.Ldind_I, typeof(JumpCacheEntry));
        _il.Emit(OpCodes.Stloc, _op);
        GoTo(_op);
    }

    /// <summary>Pushes what the soft TLB has for loads from a page.</summary>
    private void PushPageEntry(Action pushAddress)
    {
        _il.Emit(OpCodes.Ldloc, c.ReadTable);
        pushAddress();
        _il.Emit(OpCodes.Ldc_I4, 12);
        _il.Emit(OpCodes.Shr_Un);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Ldc_I4_3);
        _il.Emit(OpCodes.Shl);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Ldind_I8);
    }

    private void LoadField(LocalBuilder pointer, string name, OpCode load, Type type)
    {
        _il.Emit(OpCodes.Ldloc, pointer);
        c.Offset((int)Marshal.OffsetOf(type, name));
        _il.Emit(load);
    }

    /// <summary>Returns null: everything is in memory already, eip and exit reason included.</summary>
    public void ReturnNull()
    {
        _il.Emit(OpCodes.Ldc_I4_0);
        _il.Emit(OpCodes.Conv_U);
        _il.Emit(OpCodes.Ret);
    }
}
