namespace Lguest.Jit.Guests.Rewriting;

/// <summary>Where the code stands that a <see cref="RewriteGuest"/> rewrites, seen from the code that does it.</summary>
internal enum RewriteKind
{
    /// <summary>Behind the store, in its own block.</summary>
    SameBlock,

    /// <summary>In the block that the store's block jumps to.</summary>
    NextBlock,

    /// <summary>A function in a page that is not written from.</summary>
    OtherPage,

    /// <summary>In the same page; the store goes through another virtual address of it.</summary>
    OtherAlias,

    /// <summary>In the same page; a device writes it, told by a store to a register of its own.</summary>
    Device,
}
